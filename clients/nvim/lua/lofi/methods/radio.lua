--- The functions of `require("lofi")` that are about the radio.
local ask = require("lofi.methods.ask").ask

---@class lofi.methods.Radio
local M = {}

---@class lofi.RadioOptions what is left out is as the broker's settings say
---@field prompt string? of the first piece; nil: the first of the presets
---@field mode "playlist"|"stream"|nil
---@field strategy "same_prompt"|"preset_cycle"|"random_preset"|nil what later pieces are made from
---@field seed integer? 0 … 2^53; nil: the broker chooses
---@field model string? nil: the selected one, also when another one is selected later

---Play music that does not end; where it plays already, it begins anew.
---@param opts lofi.RadioOptions?
---@param cb lofi.Callback? result: `{state, mode, strategy, prompt, ahead_sec, next_prompt?, track_id?,
---making?, polite?, message?, recovery?, number?}`
function M.radio(opts, cb)
  ask("radio_start", opts, cb)
end

---Change the prompt, from the next piece on.
---@param prompt string
---@param cb lofi.Callback? result: as of `radio`
function M.radio_prompt(prompt, cb)
  ask("radio_prompt", { prompt = prompt }, cb)
end

---@param cb lofi.Callback? result: as of `radio`
function M.radio_stop(cb)
  ask("radio_stop", nil, cb)
end

---@param cb lofi.Callback? result: as of `radio`
function M.radio_status(cb)
  ask("radio_status", nil, cb)
end

return M
