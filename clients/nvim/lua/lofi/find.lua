--- Where the broker's program is, and how to get it where it is not.
local M = {}

---@return string folder of the plugin: the one that is in 'runtimepath'
function M.plugin_folder()
  local source = debug.getinfo(1, "S").source:sub(2)
  return vim.fn.fnamemodify(vim.uv.fs_realpath(source) or source, ":p:h:h:h")
end

---@return string? repository that the plugin lies in
local function repository()
  local root = vim.fs.dirname(vim.fs.dirname(M.plugin_folder()))
  return vim.uv.fs_stat(root .. "/lofi_broker") and root or nil
end

---@param path string
---@return string path as a shell takes it
local function quoted(path)
  return path:find("[^%w%./_-]") and vim.fn.shellescape(path) or vim.fn.fnamemodify(path, ":~")
end

---The command that installs what the plugin needs, for people to copy.
---@return string
function M.install_words()
  local root = repository()
  if root == nil then
    return "Install lofi (its README tells how), so that lofi-broker is on PATH, or set broker.cmd."
  end
  local words =
    "Install it with `python3 -m venv ROOT/.venv && ROOT/.venv/bin/pip install ROOT`, or set broker.cmd."
  return (words:gsub("ROOT", (quoted(root):gsub("%%", "%%%%"))))
end

---The broker's command: `broker.cmd`, else that of the plugin's or the repository's virtual environment,
---else of PATH.
---@param wanted string|string[]|nil the option `broker.cmd`
---@return string[]? command
---@return string? problem in words, where there is none
function M.broker(wanted)
  if wanted ~= nil then
    local command = type(wanted) == "table" and vim.list_slice(wanted) or { wanted }
    command[1] = vim.fn.expand(command[1])
    if vim.fn.executable(command[1]) == 0 then
      return nil, ("lofi: broker.cmd: %q is not a program that can be run"):format(command[1])
    end
    return command
  end
  local folders = { M.plugin_folder(), repository() }
  for _, folder in ipairs(folders) do
    local program = folder .. "/.venv/bin/lofi-broker"
    if vim.fn.executable(program) == 1 then
      return { program }
    end
  end
  local program = vim.fn.exepath("lofi-broker")
  if program ~= "" then
    return { program }
  end
  return nil, "lofi: the program lofi-broker was not found"
end

return M
