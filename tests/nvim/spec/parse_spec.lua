local parse = require("lofi.parse")

local function prompt(arguments)
  local parsed = parse.parse(arguments)
  assert.equal("generate", parsed.sub)
  assert.is_nil(parsed.problem)
  return { parsed.prompt, parsed.options }
end

describe("words behind :Lofi", function()
  it("are a prompt, with seconds at the end", function()
    assert.same({ "rainy night", { duration_sec = 20 } }, prompt("rainy night 20"))
    assert.same({ "rainy night", { duration_sec = 20 } }, prompt("  rainy   night 20s "))
    assert.same({ "rainy night", { duration_sec = 20 } }, prompt("generate rainy night 20"))
    assert.same({ "rainy night", {} }, prompt("rainy night"))
  end)

  it("keep numbers that are no seconds", function()
    assert.same({ "beats of 1984", {} }, prompt("beats of 1984"))
    assert.same({ "20 pianos", {} }, prompt("20 pianos"))
    assert.same({ "take 5", { duration_sec = 30 } }, prompt("take 5 30"))
    assert.same({ "beats from 90", {} }, prompt('"beats from 90"'))
  end)

  it("take options in any order", function()
    assert.same(
      { "rain", { duration_sec = 9, seed = 7, model = "m", format = "ogg", priority = "high" } },
      prompt("rain seed=7 format=ogg 9 priority=high model=m")
    )
    assert.same({ "a=b rain", {} }, prompt("generate a=b rain"))
    assert.same({ "rain", { duration_sec = 12, seed = 1 } }, prompt("rain duration=12 seed=1"))
    assert.same({ "rain", { loop = true } }, prompt("rain loop=yes"))
    assert.same({ "rain", { loop = false } }, prompt("rain loop=no"))
  end)

  it("take options before the prompt, too, and none within it", function()
    local parsed = parse.parse("radio mode=stream boom bap seed=3")
    assert.same({ "boom bap", { mode = "stream", seed = 3 } }, { parsed.prompt, parsed.options })
    assert.same({ "rain", { seed = 7, duration_sec = 20 } }, prompt("generate seed=7 duration=20 rain"))
    assert.same({ "rain", { seed = 7 } }, prompt("seed=7 rain"))
    parsed = parse.parse("continue 37d0 seed=3 20 drums")
    assert.same({ { "37d0" }, "20 drums", { seed = 3 } }, { parsed.words, parsed.prompt, parsed.options })
    assert.truthy(parse.parse("radio mode=loud rain").problem:find("expected playlist or stream", 1, true))
    local problem = parse.parse("radio boom mode=stream bap").problem
    assert.equal("mode=stream: options stand before the prompt or behind it", problem)
    assert.same({ "boom seed=3 bap", {} }, prompt('"boom seed=3 bap"'))
  end)

  it("name a track that is to go on, and how", function()
    local parsed = parse.parse("continue 37d0 the drums leave 20 seed=3")
    assert.same({ "continue", { "37d0" } }, { parsed.sub, parsed.words })
    assert.same({ "the drums leave", { duration_sec = 20, seed = 3 } }, { parsed.prompt, parsed.options })
    parsed = parse.parse("continue 20")
    assert.same({ {}, "", { duration_sec = 20 } }, { parsed.words, parsed.prompt, parsed.options })
    parsed = parse.parse('continue "cafe jazz"')
    assert.same({ {}, "cafe jazz" }, { parsed.words, parsed.prompt })
    assert.truthy(parse.parse("continue loop=maybe").problem:find("expected yes or no", 1, true))
  end)

  it("are the radio's prompt and options", function()
    local parsed = parse.parse("radio rain of 90 mode=stream strategy=preset_cycle seed=3")
    assert.same({ "radio", "rain of 90" }, { parsed.sub, parsed.prompt })
    assert.same({ mode = "stream", strategy = "preset_cycle", seed = 3 }, parsed.options)
    assert.same({ "stop", "stop" }, { parse.parse("radio stop").text, parse.parse("radio stop").prompt })
    assert.equal("", parse.parse("radio").prompt)
    assert.truthy(parse.parse("radio mode=loud").problem:find("expected playlist or stream", 1, true))
    assert.truthy(parse.parse("radio duration=9").problem:find("there are mode, model, seed", 1, true))
  end)

  it("are a subcommand when the first one is", function()
    local parsed = parse.parse("play a b")
    assert.equal("play", parsed.sub)
    assert.same({ "a", "b" }, parsed.words)
    assert.equal("a b", parsed.text)
    assert.equal("", parse.parse("").sub)
    assert.same({ "stop motion", {} }, prompt("generate stop motion"))
  end)

  it("that are nearly a subcommand are asked about", function()
    assert.truthy(parse.parse("stauts").problem:find(":Lofi status", 1, true))
    assert.truthy(parse.parse("genrate").problem:find(":Lofi generate", 1, true))
    local slips = {
      quue = "queue",
      paly = "play",
      nxet = "next",
      restrat = "restart",
      modells = "models",
    }
    for slip, name in pairs(slips) do
      assert.truthy(parse.parse(slip).problem:find((":Lofi %s`"):format(name), 1, true))
    end
    assert.is_nil(parse.parse("generate stauts").problem)
    assert.is_nil(parse.parse("stauts of liberty").problem)
  end)

  it("are a prompt when they only look like a subcommand", function()
    local one_word =
      "beat clay clean fog generative house lofi muse piano plane pop pulse rain rest slow snow"
    one_word = one_word .. " shop state step tricks"
    for word in vim.gsplit(one_word, " ") do
      assert.same({ word, {} }, prompt(word))
    end
  end)

  it("that a subcommand can't take are refused", function()
    assert.truthy(parse.parse("stop the clocks").problem:find("generate stop the clocks", 1, true))
    assert.truthy(parse.parse("rain seed=abc").problem:find("seed=abc", 1, true))
    assert.truthy(parse.parse("rain seed=-1").problem:find("0 or more", 1, true))
    assert.truthy(
      parse.parse("rain tempo=84").problem:find("there are duration, format, loop, model", 1, true)
    )
  end)
end)

describe("words about the library", function()
  local function words(text)
    return vim.split(text, " ")
  end

  it("give and take tags", function()
    assert.same({ add = { "calm" }, remove = {} }, parse.tags({ "calm" }))
    assert.same(
      { add = { "late night" }, remove = { "sad", "x-y" } },
      parse.tags(words("+late night -sad -x-y"))
    )
    assert.same({ add = { "late night" }, remove = {} }, parse.tags(words("late night")))
    assert.same({ add = {}, remove = {} }, parse.tags({}))
  end)

  it("name tracks by the beginnings of their ids", function()
    assert.is_true(parse.is_id("37d0"))
    assert.is_true(parse.is_id("0123456789ABCDEF"))
    for _, word in ipairs({ "37d", "calm", "+cafe", "0123456789abcdef0" }) do
      assert.is_false(parse.is_id(word))
    end
    assert.is_false(parse.is_id(nil))
  end)

  it("may ask for favourites alone", function()
    assert.same({ query = "slow rain" }, parse.filter(words("slow rain")))
    assert.same({ query = "rain", favourites = true }, parse.filter(words("fav=yes rain")))
  end)
end)

describe("a place in a track", function()
  it("is a clock's time or seconds, and a step with a sign", function()
    for text, expected in pairs({
      ["1:20"] = { "", 80 },
      ["+1:05"] = { "+", 65 },
      ["80"] = { "", 80 },
      ["1:00:05"] = { "", 3605 },
      ["-1:10:00"] = { "-", 4200 },
      ["-10"] = { "-", 10 },
      ["+2.5s"] = { "+", 2.5 },
    }) do
      assert.same(expected, { parse.place(text) })
    end
    for _, text in ipairs({ "", "soon", "1:70", "1:2", "1:2:03", "1:80:00", "+", "1 2" }) do
      assert.is_nil(select(2, parse.place(text)))
    end
  end)
end)
