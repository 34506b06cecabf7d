--- How prompts, times, sizes and errors read in one line.

local M = {}

--- A prompt in one line.
---@param prompt string
---@return string
function M.line(prompt)
  return (vim.trim((prompt:gsub("[%c%s]+", " "))))
end

--- A prompt in one line of at most `width` cells.
---@param prompt string
---@param width integer
---@param ellipsis? string what stands for the rest; "…"
---@return string
function M.short(prompt, width, ellipsis)
  local line = M.line(prompt)
  if vim.fn.strdisplaywidth(line) <= width then
    return line
  end
  ellipsis = ellipsis or "…"
  local room = math.max(width - vim.fn.strdisplaywidth(ellipsis), 0)
  local kept = vim.fn.strcharpart(line, 0, room)
  while vim.fn.strdisplaywidth(kept) > room do -- wide characters
    kept = vim.fn.strcharpart(kept, 0, vim.fn.strchars(kept) - 1)
  end
  return vim.trim(kept) .. ellipsis
end

--- Seconds as a person says them: "2.1 s", "45 s", "2 min", "2 min 5 s".
---@param seconds number
---@return string
function M.span(seconds)
  if seconds < 9.95 and seconds ~= math.floor(seconds) then
    return ("%.1f s"):format(seconds)
  end
  local whole = math.floor(seconds + 0.5)
  if whole < 120 then
    return ("%d s"):format(whole)
  end
  local rest = whole % 60
  return ("%d min%s"):format(math.floor(whole / 60), rest > 0 and (" %d s"):format(rest) or "")
end

--- A place in a track: "1:05".
---@param seconds number
---@return string
function M.clock(seconds)
  local whole = math.floor(seconds)
  return ("%d:%02d"):format(math.floor(whole / 60), whole % 60)
end

--- Bytes in decimal units: "3.7 GB", "23 MB".
---@param bytes number
---@return string
function M.size(bytes)
  for _, unit in ipairs({ { 1e9, "GB" }, { 1e6, "MB" }, { 1e3, "kB" } }) do
    if bytes >= unit[1] then
      local number = bytes / unit[1]
      return ((number < 10 and "%.1f %s" or "%.0f %s"):format(number, unit[2]))
    end
  end
  return ("%d bytes"):format(bytes)
end

return M
