local notify = require("lofi.notify")

describe("advice", function()
  local told, before

  before_each(function()
    before = vim.notify
    vim.notify = function(words)
      told = words
    end
  end)

  after_each(function()
    vim.notify = before
  end)

  local function of(name, recovery)
    notify.error({ name = name, message = ("m"):rep(200), recovery = recovery })
    return told:match("\n(.*)$") or ""
  end

  it("about ids is that of the editor", function()
    local listed = of("INVALID_TRACK_ID", "`lofi queue` and `lofi tracks` list the ids.")
    assert.equal("`:Lofi queue` and `:Lofi tracks` list the tracks.", listed)
  end)

  it("about a piece of a stream is kept", function()
    local kept = "`lofi tracks export ID -o PATH` keeps a copy of it."
    assert.equal(kept, of("INVALID_TRACK_ID", kept))
  end)

  it("for programmers is left out", function()
    assert.equal("", of("INVALID_PARAMS", "`lofi schema` shows the params of each method."))
  end)
end)
