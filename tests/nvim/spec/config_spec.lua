local config = require("lofi.config")

describe("options", function()
  it("override the defaults and leave them as they are", function()
    local merged = config.merge({ generate = { duration_sec = 20 }, broker = { cmd = { "a", "b" } } })
    assert.equal(20, merged.generate.duration_sec)
    assert.equal("wav", merged.generate.format)
    assert.same({ "a", "b" }, merged.broker.cmd)
    assert.equal(30, config.defaults.generate.duration_sec)
    assert.is_nil(config.defaults.broker.cmd)
    assert.same(config.defaults, config.merge({}))
  end)

  it("that are right stay when others are wrong", function()
    local merged, problems = config.check({ picker = "select", generate = { top_k = 1.5, top_p = 0.5 } })
    assert.same(
      { "lofi: generate.top_k: expected a whole number from 0 to 65536, got 1.5 (number)" },
      problems
    )
    assert.equal("select", merged.picker)
    assert.equal(0.5, merged.generate.top_p)
    assert.is_nil(merged.generate.top_k)
  end)

  it("are named with path, expected type and what was given", function()
    for path, options in pairs({
      ["broker.max_restarts"] = { broker = { max_restarts = -1 } },
      ["broker.cmd"] = { broker = { cmd = {} } },
      ["broker.env"] = { broker = { env = { A = 1 } } },
      ["generate.model"] = { generate = { model = false } },
      ["generate.format"] = { generate = { format = "midi" } },
      ["generate.temperature"] = { generate = { temperature = 0 / 0 } },
      ["progress.enabled"] = { progress = { enabled = "yes" } },
      ["statusline.icons.playing"] = { statusline = { icons = { playing = 1 } } },
      ["statusline"] = { statusline = "x" },
      ["picker"] = { picker = "fzf" },
    }) do
      local _, problems = config.check(options)
      assert.equal(1, #problems)
      assert.truthy(problems[1]:find(("lofi: %s: expected "):format(path), 1, true), problems[1])
      assert.truthy(problems[1]:find(", got ", 1, true))
    end
  end)

  it("that do not exist are named, with one that does", function()
    local _, problems = config.check({ pikcer = "select", [1] = 2, broker = { command = "x" }, zzzzzz = 1 })
    local told = table.concat(problems, "\n")
    assert.truthy(told:find("lofi: pikcer: there is no such option; did you mean picker?", 1, true))
    assert.truthy(told:find("lofi: 1: there is no such option; there are broker, generate", 1, true))
    assert.truthy(told:find("lofi: zzzzzz: there is no such option; there are", 1, true))
    assert.truthy(told:find("lofi: broker.command: there is no such option", 1, true))
    assert.equal(4, #problems)
  end)

  it("have a default or a check each", function()
    local function walk(defaults, schema, path)
      for key, value in pairs(defaults) do
        assert.truthy(schema[key], path .. key)
        if type(schema[key]) == "table" then
          walk(value, schema[key], path .. key .. ".")
        else
          assert.is_nil(schema[key](value), path .. key)
        end
      end
    end
    walk(config.defaults, config.schema, "")
  end)
end)

describe("the end of a broker", function()
  local ending = require("lofi.process").ending

  it("is told by its own words", function()
    local told = ending(
      { "time=… level=info", "lofi-broker: no queue", "Free some disk." },
      { code = 1, signal = 0 }
    )
    assert.equal("the broker ended with exit code 1: no queue", told.err.message)
    assert.equal("Free some disk.", told.err.recovery)
    assert.is_false(told.lasting)
  end)

  it("is told by its last line, or by its signal", function()
    local crash = { "Traceback (most recent call last):", "ModuleNotFoundError: No module named 'zmq'" }
    local told = ending(crash, { code = 1, signal = 0 }).err.message
    assert.equal("the broker ended with exit code 1: ModuleNotFoundError: No module named 'zmq'", told)
    assert.equal("the broker was killed by signal 9", ending({}, { code = 0, signal = 9 }).err.message)
  end)

  it("does not come again by itself where it was in order, or for wrong settings", function()
    assert.is_true(ending({}, { code = 0, signal = 0 }).orderly)
    assert.is_true(ending({}, { code = 0, signal = 0 }).lasting)
    assert.is_true(ending({}, { code = 2, signal = 0 }).lasting)
    assert.is_false(ending({}, { code = 3, signal = 0 }).lasting)
  end)
end)
