local completion = require("lofi.completion")
local parse = require("lofi.parse")

describe("completion", function()
  local lists = {
    tracks = { "aa11", "aa22", "bb33" },
    models = { "tiny", "small" },
    tags = { "calm", "late night" },
    devices = { "default", "HDMI Out", "HDMI In", "USB" },
  }

  local known = {
    jobs = function()
      return { "cc44" }
    end,
    files = function(lead)
      return { lead .. "x.wav" }
    end,
    names = function(list)
      return lists[list]
    end,
  }

  it("offers what fits the place", function()
    assert.same({ "queue" }, completion.candidates("q", known))
    assert.same(parse.names(), completion.candidates("", known))
    assert.same({ "aa11", "aa22" }, completion.candidates("play a", known))
    assert.same({ "cc44" }, completion.candidates("add c", known))
    assert.same({ "aa22" }, completion.candidates("play aa11 a", known))
    assert.same({ "cc44" }, completion.candidates("cancel ", known))
    assert.same({}, completion.candidates("cancel cc44 ", known))
    assert.same({ "tiny" }, completion.candidates("models t", known))
    assert.same({ "model=tiny", "model=small" }, completion.candidates("rainy night model=", known))
    assert.same(
      { "duration=", "format=", "loop=", "model=", "priority=", "seed=" },
      completion.candidates("rainy ", known)
    )
    assert.same({ "loop=yes", "loop=no" }, completion.candidates("rain loop=", known))
    assert.same({ "aa11", "aa22" }, completion.candidates("continue a", known))
    assert.same({ "seed=" }, completion.candidates("continue aa11 s", known))
    assert.same({ "status", "stop", "strategy=" }, completion.candidates("radio st", known))
    assert.same({ "mode=stream" }, completion.candidates("radio rain mode=s", known))
    assert.same({ "/tmp/x.wav" }, completion.candidates("import /tmp/", known))
    assert.same({}, completion.candidates("pause ", known))
    assert.same({ "calm" }, completion.candidates("tracks c", known))
    assert.same({ "fav=yes" }, completion.candidates("tracks rain f", known))
    assert.same({ "+calm", "+late night" }, completion.candidates("tag aa11 +", known))
    assert.same({ "aa11", "aa22" }, completion.candidates("tag a", known))
    assert.same({ "off", "track", "list" }, completion.candidates("loop ", known))
    assert.same({}, completion.candidates("loop off t", known))
    assert.same({ "clear" }, completion.candidates("playlist c", known))
    assert.same({ "HDMI Out", "HDMI In" }, completion.candidates("device HD", known))
    assert.same({ "In" }, completion.candidates("device HDMI I", known))
    assert.same({}, completion.candidates("device USB x", known))
  end)
end)
