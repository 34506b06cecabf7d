--- Subcommands that are about the library.
local M = {}

---@type table<string, lofi.Subcommand>
M.subcommands = {}

function M.subcommands.tracks(parsed)
  require("lofi.picker").tracks({ query = table.concat(parsed.words, " ") })
end

function M.subcommands.prompts()
  require("lofi.picker").prompts({})
end

return M
