--- What `:Lofi queue`, `:Lofi status` and `:Lofi log` show.
local words = require("lofi.words")

local M = {}

local TAIL_BYTES = 64 * 1024

---@param result table of queue_status
---@return {track_id: string, prompt: string, words: string}[]
function M.queue_rows(result)
  local rows = {}
  if result.current then
    local current = result.current
    table.insert(rows, {
      track_id = current.track_id,
      prompt = words.line(current.prompt),
      words = ("%3d%%  %s"):format(current.percent, words.line(current.prompt)),
    })
  end
  for _, job in ipairs(result.pending) do
    table.insert(rows, {
      track_id = job.track_id,
      prompt = words.line(job.prompt),
      words = ("%3d.  %s"):format(job.position + 1, words.line(job.prompt)),
    })
  end
  return rows
end

---Choose one of the tracks that are being made or wait.
---@param prompt string
---@param chosen fun(track_id: string, prompt: string)
---@param only_one_needs_no_choice boolean
function M.choose_job(prompt, chosen, only_one_needs_no_choice)
  require("lofi").queue(function(err, result)
    if err then
      require("lofi.notify").error(err)
      return
    end
    local rows = M.queue_rows(result)
    if #rows == 0 then
      require("lofi.notify").say("nothing is being made, and nothing waits")
    elseif #rows == 1 and only_one_needs_no_choice then
      chosen(rows[1].track_id, rows[1].prompt)
    else
      local format = function(row)
        return row.words
      end
      vim.ui.select(rows, { prompt = prompt, kind = "lofi_job", format_item = format }, function(row)
        if row then
          chosen(row.track_id, row.prompt)
        end
      end)
    end
  end)
end

---The queue; a track that is chosen can be cancelled.
function M.queue()
  M.choose_job("lofi queue", function(track_id, prompt)
    vim.ui.select({ "Cancel it", "Keep it" }, { prompt = prompt, kind = "lofi_action" }, function(_, index)
      if index == 1 then
        require("lofi").cancel(track_id)
      end
    end)
  end, false)
end

---@param status table the answer of `status`
---@return string[]
function M.status_lines(status)
  local broker = status.broker
  local lines = {
    ("broker %s, pid %d, up for %d s"):format(broker.version, broker.pid, broker.uptime_sec),
    ("model %s%s"):format(status.model, status.device and " on " .. status.device or ""),
  }
  for _, worker in ipairs(status.workers) do
    local reason = worker.reason and worker.state ~= "ready" and ": " .. worker.reason or ""
    table.insert(lines, ("worker %s is %s%s"):format(worker.worker, worker.state, reason))
  end
  local current = status.current
  table.insert(
    lines,
    current and ("making %d%% of %s"):format(current.percent, words.line(current.prompt)) or "making nothing"
  )
  table.insert(lines, ("%d waiting, %d in the library"):format(status.queue_length, status.library_tracks))
  local playing = require("lofi.state").get().playing
  if playing then
    local how = playing.paused and "paused" or "playing"
    table.insert(lines, ("%s %s"):format(how, words.line(playing.prompt or playing.track_id)))
  end
  local radio = require("lofi.state").get().radio
  if radio then
    table.insert(lines, require("lofi.radio").in_words(radio))
  end
  if broker.warning then
    table.insert(lines, "warning: " .. broker.warning)
  end
  return lines
end

function M.status()
  require("lofi").broker_status(function(err, status)
    if err then
      require("lofi.notify").error(err)
    else
      require("lofi.notify").say(table.concat(M.status_lines(status), "\n"))
    end
  end)
end

---@param name string
---@param lines string[]
local function split(name, lines)
  local buffer = vim.fn.bufnr("^" .. name .. "$")
  if buffer == -1 then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, name)
  end
  local options = vim.bo[buffer] -- `:bdelete` leaves the buffer's name and takes its options
  options.buftype, options.bufhidden, options.swapfile = "nofile", "hide", false
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].filetype = "lofilog"
  local window = vim.fn.bufwinid(buffer)
  if window == -1 then
    vim.cmd.split()
    window = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(window, buffer)
  end
  vim.api.nvim_win_set_cursor(window, { #lines, 0 })
end

---Read the end of a file without waiting for the disk.
---@param path string
---@param done fun(err: string?, text: string?)
local function tail(path, done)
  local uv = vim.uv
  done = vim.schedule_wrap(done)
  uv.fs_open(path, "r", 0, function(open_error, file)
    if file == nil then
      done(open_error)
      return
    end
    uv.fs_fstat(file, function(stat_error, stat)
      local from = stat and math.max(0, stat.size - TAIL_BYTES) or 0
      uv.fs_read(file, TAIL_BYTES, from, function(read_error, text)
        uv.fs_close(file)
        -- The first line of a part is seldom whole.
        done(stat_error or read_error, text and from > 0 and text:gsub("^[^\n]*\n", "", 1) or text)
      end)
    end)
  end)
end

---The end of the broker's log, in a split; where no broker answers, what it last said.
function M.log()
  require("lofi").broker_status(function(err, status)
    if err then
      require("lofi.notify").error(err)
      local said = require("lofi.broker").stderr()
      if #said > 0 then
        split("lofi://stderr", said)
      end
      return
    end
    tail(status.broker.log, function(problem, text)
      if text == nil then
        require("lofi.notify").error({ message = ("the log can't be read: %s"):format(problem) })
      else
        split("lofi://log", vim.split(vim.trim(text), "\n"))
      end
    end)
  end)
end

return M
