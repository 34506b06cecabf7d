--- Words for people, by `vim.notify`.
local M = {}

---@param words string
---@param level integer? of vim.log.levels; INFO
function M.say(words, level)
  vim.notify("lofi: " .. words, level or vim.log.levels.INFO, { title = "lofi" })
end

---A line that asks for no key and is not kept.
---@param words string
function M.echo(words)
  local line = require("lofi.words").short("lofi: " .. words, math.max(1, vim.v.echospace))
  vim.api.nvim_echo({ { line } }, false, {})
end

---An error in words, with what to do about it: in one line where it fits, since two ask for a key.
---@param err {message: string, recovery: string?, name: string?}
function M.error(err)
  local words, recovery = (err.message:gsub("^lofi: ", "")), err.recovery or ""
  if recovery:find("`lofi schema`", 1, true) then
    recovery = "" -- it is for those who speak the protocol
  elseif err.name == "INVALID_TRACK_ID" and recovery:find("`lofi queue`", 1, true) then
    recovery = "`:Lofi queue` and `:Lofi tracks` list the tracks." -- no commands of a shell
  end
  if recovery ~= "" then
    local line = ("%s. %s"):format((words:gsub("%.$", "")), recovery)
    local fits = not line:find("\n") and vim.fn.strdisplaywidth("lofi: " .. line) <= vim.v.echospace
    words = fits and line or words .. "\n" .. recovery
  end
  M.say(words, vim.log.levels.ERROR)
end

---A callback that tells an error, and gives a result to `done`.
---@param done fun(result: any)
---@return lofi.Callback
function M.on_success(done)
  return function(err, result)
    if err then
      M.error(err)
    else
      done(result)
    end
  end
end

return M
