--- lofi in Neovim: one function per method of docs/protocol.md, and what is known without asking.
---
--- Every function that asks takes a callback, `cb(err, result)`, which is called once, on the main loop;
--- without one an error is told by `vim.notify`. The first of them starts the broker; none ever waits.
local asking = require("lofi.methods.ask")
local ask, answer = asking.ask, asking.answer

---@class lofi.Methods: lofi.methods.Library, lofi.methods.Playback, lofi.methods.Radio
local M = vim.tbl_extend(
  "error",
  require("lofi.methods.library"),
  require("lofi.methods.playback"),
  require("lofi.methods.radio")
)

---@type lofi.GenerateOptions? params of the last `generate`
local last_asked

---@return lofi.State
local function state()
  return require("lofi.state").get()
end

---Override options; the plugin works without it. Raises an error that names every wrong one.
---@param opts table? `lofi.Config`, of which every part may be left out
function M.setup(opts)
  require("lofi.config").set(opts or {})
end

---@class lofi.GenerateOptions
---@field prompt string? 1 … 1000 characters; nil: that of the track that is continued
---@field duration_sec integer? 5 … 120, or more where the broker's settings allow it; what is added, where a
---track is continued
---@field continue_from string? id of the library's track that is to go on
---@field loop boolean? whole bars that repeat without a seam
---@field seed integer? 0 … 2^53; nil: the broker chooses
---@field model string?
---@field format "wav"|"flac"|"ogg"|"mp3"|nil
---@field priority "normal"|"high"|nil
---@field temperature number?
---@field top_k integer?
---@field top_p number?
---@field guidance_scale number?
---@field output string? absolute path to copy the track to
---@field force boolean? replace an existing file there

---Ask for a track. The answer says that it is queued, or where it is if it was made before;
---`on("complete", …)` and `on("error", …)` tell how it ended.
---@param opts lofi.GenerateOptions|string
---@param cb lofi.Callback? result: `{track_id, status, seed, model_version, position?, path?}`
function M.generate(opts, cb)
  local given = type(opts) == "string" and { prompt = opts } or opts
  local defaults = require("lofi.config").get().generate
  if given.continue_from then -- the others are those of the track
    defaults = { duration_sec = defaults.duration_sec, priority = defaults.priority }
  end
  local params = vim.tbl_extend("force", defaults, given)
  last_asked = params
  ask("generate", params, cb, function(result)
    require("lofi.session").expect(result, params.prompt)
  end)
end

---Ask for the last prompt once more, with a new seed: the last that this editor asked for, else that of the
---library's newest track.
---@param opts table? `lofi.GenerateOptions` that are to differ
---@param cb lofi.Callback? result: as of `generate`
function M.again(opts, cb)
  local function repeated(last)
    local params = vim.tbl_extend("force", last, { force = false }, opts or {})
    params.seed = opts and opts.seed
    M.generate(params, cb)
  end
  if last_asked then
    repeated(last_asked)
    return
  end
  M.tracks({ limit = 1 }, function(err, result)
    local newest = result and result.tracks[1]
    if newest then
      repeated({ prompt = newest.prompt, duration_sec = newest.duration_sec, format = newest.format })
    else
      local none =
        require("lofi.rpc").error("INVALID_PROMPT", "there is no prompt to repeat", "Give one.", -32006)
      answer(cb, err or none, nil)
    end
  end)
end

---Cancel a waiting or running track.
---@param track_id string
---@param cb lofi.Callback? result: `{track_id, status}`
function M.cancel(track_id, cb)
  ask("queue_cancel", { track_id = track_id }, cb, require("lofi.session").refresh_queue)
end

---Drop everything that waits; what is being made goes on.
---@param cb lofi.Callback? result: `{cancelled}`
function M.clear_queue(cb)
  ask("queue_clear", nil, cb, require("lofi.session").refresh_queue)
end

---What is being made, and what waits.
---@param cb lofi.Callback? result: `{current?, pending}`
function M.queue(cb)
  ask("queue_status", nil, cb)
end

---What is installed, and what can be had.
---@param cb lofi.Callback? result: `{models, ended}`
function M.models(cb)
  ask("models_list", nil, cb)
end

---Use this model from now on.
---@param name string
---@param cb lofi.Callback? result: `{model, model_version}`
function M.select_model(name, cb)
  ask("model_select", { model = name }, cb)
end

---Install a model. Without `consent` the answer is the error DOWNLOAD_CONSENT_REQUIRED, whose `details` are
---a JSON object with licence, size and destination.
---@param opts {model: string, consent: boolean?, precision: string?, name: string?, replace: boolean?}
---@param cb lofi.Callback? result: `{model, state}`
function M.download_model(opts, cb)
  ask("model_download", opts, cb)
end

---Stop an installation; what was fetched is kept.
---@param name string
---@param cb lofi.Callback? result: `{model}`
function M.cancel_download(name, cb)
  ask("model_cancel", { model = name }, cb)
end

---@param name string
---@param cb lofi.Callback? result: `{model, bytes}`
function M.remove_model(name, cb)
  ask("model_remove", { model = name }, cb)
end

---Check a model's files; with `full` load and run it too.
---@param opts {model: string?, full: boolean?}?
---@param cb lofi.Callback?
function M.verify_model(opts, cb)
  ask("model_verify", opts, cb)
end

---From now on, until another call or the broker's end, make so many tracks side by side.
---@param opts {slots: integer?, model: string?}? slots: 1 … 64, nil: as the broker's settings say; model: for
---which the memory is looked at
---@param cb lofi.Callback? result: `{slots, before}`
function M.worker_slots(opts, cb)
  ask("worker_slots", opts, cb)
end

---@param cb lofi.Callback? result: `{broker, workers, current, queue_length, library_tracks, model, device}`
function M.broker_status(cb)
  ask("status", nil, cb)
end

---Have the broker leave, for everybody who uses it.
---@param cb lofi.Callback? result: `{pid}`
function M.shutdown(cb)
  ask("shutdown", nil, cb)
end

---End this editor's broker process and start another.
---@param cb lofi.Callback? called when it has answered
function M.restart(cb)
  require("lofi.session").restart(cb)
end

---What is known without asking. A copy.
---@return lofi.State
function M.status()
  return vim.deepcopy(state())
end

---@return boolean whether a track is being made or waits, as far as is known
function M.is_generating()
  return state().generating ~= nil or state().queue_length > 0
end

---Call `fn(data)` on the main loop for every such event.
---@param event lofi.Event
---@param fn fun(data: table)
---@return fun() unsubscribe
function M.on(event, fn)
  return require("lofi.events").on(event, fn)
end

---A part for the status line, of what is known already.
---@param opts lofi.statusline.Options?
---@return string
function M.statusline(opts)
  return require("lofi.statusline").component(opts)
end

return M
