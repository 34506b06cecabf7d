--- The `lofi` command of the installation that the broker belongs to.

local M = {}

local MISSING =
  "the lofi command isn't found beside lofi-broker or on PATH\nInstall it as :help lofi-install shows."

---@param broker string[] how the broker is started
---@return string[]? command nil where there is none
function M.beside(broker)
  local program = broker[1]
  if broker[2] == "-m" and broker[3] == "lofi_broker" then
    return { program, "-m", "lofi_cli.main" }
  end
  if vim.fs.basename(program):find("^lofi%-broker") then
    local lofi = vim.fs.joinpath(vim.fs.dirname(program), "lofi")
    if program:find("/") and vim.fn.executable(lofi) == 1 then
      return { lofi }
    end
  end
  return vim.fn.executable("lofi") == 1 and { vim.fn.exepath("lofi") } or nil
end

--- Start `lofi` with these arguments in the broker's environment; `cb` is called on the main loop.
---@param arguments string[]
---@param options { timeout?: integer } milliseconds
---@param cb fun(done: vim.SystemCompleted)
---@return vim.SystemObj? job
---@return string? problem when it can't be started
function M.run(arguments, options, cb)
  local broker, problem = require("lofi.broker").find()
  if not broker then
    return nil, problem
  end
  local command = M.beside(broker)
  if not command then
    return nil, MISSING
  end
  local started, job = pcall(vim.system, vim.list_extend(command, arguments), {
    text = true,
    timeout = options.timeout,
    env = vim.tbl_extend(
      "force",
      { NO_COLOR = "1", PYTHONIOENCODING = "utf-8" },
      require("lofi.config").get().broker.env
    ),
  }, vim.schedule_wrap(cb))
  if not started then
    return nil, tostring(job)
  end
  return job --[[@as vim.SystemObj]]
end

return M
