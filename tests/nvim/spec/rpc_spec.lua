local rpc = require("lofi.rpc")

local LOTS = 1024 * 1024

local function fixture()
  local log = { written = {}, notices = {}, garbage = {}, answers = {}, faults = {} }
  log.rpc = rpc.new({
    write = function(line)
      table.insert(log.written, line)
    end,
    on_notification = function(method, params)
      table.insert(log.notices, { method, params })
    end,
    on_garbage = function(line)
      table.insert(log.garbage, line)
    end,
    on_fault = function(reason)
      table.insert(log.faults, reason)
    end,
  })
  log.keep = function(err, result)
    table.insert(log.answers, { err = err, result = result })
  end
  log.take = function(...)
    for _, chunk in ipairs({ ... }) do
      log.rpc:feed(chunk)
    end
    while log.rpc:handle(LOTS) do
    end
  end
  return log
end

local function notice(method, params)
  return vim.json.encode({ jsonrpc = "2.0", method = method, params = params }) .. "\n"
end

describe("a request", function()
  it("is one line, with an id of its own", function()
    local log = fixture()
    log.rpc:request("generate", { prompt = "two\nlines" }, log.keep)
    log.rpc:request("status", {}, log.keep)
    assert.equal("\n", log.written[1]:sub(-1))
    assert.is_nil(log.written[1]:sub(1, -2):find("\n"))
    local first = { jsonrpc = "2.0", id = 1, method = "generate", params = { prompt = "two\nlines" } }
    assert.same(first, vim.json.decode(log.written[1]))
    assert.same({ jsonrpc = "2.0", id = 2, method = "status" }, vim.json.decode(log.written[2]))
  end)

  it("is answered though what came before it was not understood", function()
    local log = fixture()
    log.rpc:request("status", nil, function()
      error("mine")
    end)
    log.rpc:request("status", nil, log.keep)
    log.take('{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":2,"result":{}}\n')
    assert.equal(1, #log.answers)
    assert.equal(1, #log.faults)
    assert.truthy(log.faults[1]:find("mine", 1, true))
  end)

  it("keeps seeds whole", function()
    local log = fixture()
    log.rpc:request("generate", { seed = 2 ^ 53 - 1, duration_sec = 30 }, log.keep)
    assert.truthy(log.written[1]:find('"seed":9007199254740991', 1, true))
    assert.truthy(log.written[1]:find('"duration_sec":30[,}]'))
  end)

  it("that can't be written down is answered at once", function()
    local log = fixture()
    log.rpc:request("generate", { prompt = print }, log.keep)
    assert.equal("INVALID_PARAMS", log.answers[1].err.name)
    assert.same({}, log.written)
  end)

  it("gets its answer, whatever comes before it and in whatever pieces", function()
    local log = fixture()
    log.rpc:request("a", nil, log.keep)
    log.rpc:request("b", nil, log.keep)
    log.take('{"jsonrpc":"2.0","id":2,"res', 'ult":{"x":nu', 'll,"y":1}}\r\n\n{"jsonrpc":"2.0",', '"id":1,')
    assert.same({ { result = { y = 1 } } }, log.answers)
    log.take('"result":{}}\n')
    assert.equal(2, #log.answers)
  end)

  it("is answered once", function()
    local log = fixture()
    log.rpc:request("a", nil, log.keep)
    log.take('{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":1,"result":{}}\n')
    log.rpc:fail_all(rpc.unavailable("gone"))
    assert.equal(1, #log.answers)
  end)

  it("gets an error with its name and what to do", function()
    local log = fixture()
    log.rpc:request("a", nil, log.keep)
    local data = { error_code = "QUEUE_FULL", recovery = "Wait.", details = "" }
    local err = { code = -32004, message = "10 wait", data = data }
    log.take(vim.json.encode({ jsonrpc = "2.0", id = 1, error = err }) .. "\n")
    assert.same(
      { code = -32004, name = "QUEUE_FULL", message = "10 wait", recovery = "Wait.", details = "" },
      log.answers[1].err
    )
  end)

  it("gets the reason when nobody will answer", function()
    local log = fixture()
    log.rpc:request("a", nil, log.keep)
    log.rpc:fail_all(rpc.unavailable("gone", "Try again."))
    assert.equal("BROKER_UNAVAILABLE", log.answers[1].err.name)
    assert.equal(-32011, log.answers[1].err.code)
  end)
end)

describe("notifications", function()
  it("of one portion are told in order, progress only as it is last", function()
    local log = fixture()
    log.take(
      notice("generation_start", { track_id = "a" }),
      notice("generation_progress", { track_id = "a", percent = 5 }),
      notice("generation_progress", { track_id = "b", percent = 7 }),
      notice("generation_progress", { track_id = "a", percent = 10 }),
      notice("generation_complete", { track_id = "a" })
    )
    local told = vim.tbl_map(function(each)
      return each[1] .. " " .. each[2].track_id .. " " .. (each[2].percent or "")
    end, log.notices)
    assert.same({
      "generation_start a ",
      "generation_progress b 7",
      "generation_progress a 10",
      "generation_complete a ",
    }, told)
  end)

  it("that are many are handled a portion at a time", function()
    local log = fixture()
    for id = 1, 100 do
      log.rpc:feed(notice("generation_start", { track_id = ("x"):rep(100) .. id }))
    end
    assert.same({}, log.notices)
    assert.is_true(log.rpc:handle(1))
    assert.equal(1, #log.notices)
    assert.is_true(log.rpc:handle(3000))
    assert.is_true(#log.notices > 5 and #log.notices < 20)
    while log.rpc:handle(3000) do
    end
    assert.equal(100, #log.notices)
    assert.is_false(log.rpc:handle(3000))
  end)
end)

describe("what is no message", function()
  for name, line in pairs({
    ["words"] = "Welcome!",
    ["half a message"] = '{"jsonrpc": "2.0"',
    ["a number"] = "7",
    ["a list"] = "[1]",
    ["JSON of somebody else"] = '{"level": "info"}',
  }) do
    it("is named, and nothing behind it is read: " .. name, function()
      local log = fixture()
      log.take(line .. "\n" .. notice("generation_start", {}), notice("generation_start", {}))
      assert.same({ line }, log.garbage)
      assert.same({}, log.notices)
    end)
  end

  it("may come without a newline at the end", function()
    local log = fixture()
    log.rpc:feed("oh")
    log.rpc:feed_end()
    log.rpc:handle(LOTS)
    assert.same({ "oh" }, log.garbage)
  end)

  it("may have no end at all", function()
    local log = fixture()
    local chunk = ("y"):rep(1024 * 1024)
    for _ = 1, 10 do
      log.rpc:feed(chunk)
    end
    log.rpc:handle(LOTS)
    assert.equal(1, #log.garbage)
    assert.is_true(#log.garbage[1] <= 200)
  end)
end)
