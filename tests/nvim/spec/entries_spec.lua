local entries = require("lofi.picker.entries")

---@param id string
---@param prompt string
local function track(id, prompt)
  return {
    track_id = id,
    prompt = prompt,
    duration_sec = 30,
    seed = 7,
    model_version = "lofi-tiny@1",
    temperature = 1.0,
    top_k = 16,
    top_p = 0.0,
    guidance_scale = 3.0,
    format = "wav",
    path = "/tracks/" .. id,
  }
end

describe("entries", function()
  it("counts the distinct prompts, those used most first, of equals the newest", function()
    local found = entries.prompts(
      { track("d", "jazz"), track("c", "rain"), track("b", "sun"), track("a", "rain") },
      {}
    )
    assert.same(
      { { "rain", 2, "c" }, { "jazz", 1, "d" }, { "sun", 1, "b" } },
      vim.tbl_map(function(entry)
        return { entry.prompt, entry.count, entry.track.track_id }
      end, found)
    )
  end)

  it("lists what was asked for and is gone behind the prompts of tracks", function()
    local found = entries.prompts({ track("a", "rain") }, { { prompt = "sun" }, { prompt = "rain" } })
    assert.same({ prompt = "sun", count = 0 }, found[2])
    assert.equal(2, #found)
  end)

  it("follows what changes", function()
    local tracks = { track("a", "rain"), track("b", "sun") }
    assert.same({ tracks[1] }, entries.replaced(tracks, "b", nil))
    local now = track("a", "rain")
    now.favourite = true
    assert.same({ now, tracks[2] }, entries.replaced(tracks, "a", now))
  end)

  it("asks for the same music without its seed", function()
    assert.same({
      prompt = "rain",
      duration_sec = 30,
      model = "lofi-tiny@1",
      format = "wav",
      temperature = 1.0,
      top_k = 16,
      top_p = 0.0,
      guidance_scale = 3.0,
    }, entries.again(track("a", "rain")))
  end)

  it("makes a row of each", function()
    assert.equal("  30 s  rain and sun", entries.track_row(track("a", "rain\nand sun")))
    assert.equal("  30 s  37d0  rain  (seed 7)", entries.track_choice(track("37d0aa11", "rain"), 28))
    assert.equal("  30 s  37d0  rain", entries.track_choice(track("37d0aa11", "rain"), 27))
    local marked = track("37d0aa11", "rain")
    marked.favourite, marked.tags = true, { "calm", "late night" }
    assert.equal("  30 s  ★ rain  [calm, late night]", entries.track_row(marked))
    assert.equal("   2 ×  rain", entries.prompt_row({ prompt = "rain", count = 2 }))
  end)
end)
