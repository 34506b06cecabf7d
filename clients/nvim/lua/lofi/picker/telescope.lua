--- The lists in telescope.nvim.

local actions = require("lofi.picker.actions")
local entries = require("lofi.picker.entries")
local preview = require("lofi.preview")

local M = {}

---@param rows table[]
---@param row fun(value: any): string
---@return table finder
local function finder(rows, row)
  return require("telescope.finders").new_table({
    results = rows,
    entry_maker = function(value)
      local text = row(value)
      return { value = value, display = text, ordinal = text }
    end,
  })
end

---@param track_of fun(value: any): lofi.Track?
---@return table previewer
local function previewer(track_of)
  local cancel = function() end
  return require("telescope.previewers").new_buffer_previewer({
    title = "track",
    define_preview = function(self, entry)
      cancel()
      local buffer = self.state.bufnr
      local width = preview.width(self.state.winid)
      cancel = preview.lines_of(track_of(entry.value), width, function(lines)
        if vim.api.nvim_buf_is_valid(buffer) then
          vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
          preview.highlight(buffer, lines)
        end
      end)
    end,
    teardown = function()
      cancel()
    end,
  })
end

---@param tracks lofi.Track[]
---@param options? table of telescope
function M.tracks(tracks, options)
  options = options or {}
  local state = require("telescope.actions.state")
  require("telescope.pickers")
    .new(options, {
      prompt_title = "lofi tracks",
      finder = finder(tracks, entries.track_row),
      sorter = require("telescope.config").values.generic_sorter(options),
      previewer = previewer(function(track)
        return track
      end),
      attach_mappings = function(prompt_buffer, map)
        for _, action in ipairs(actions.of_a_track) do
          local function run()
            local entry = state.get_selected_entry()
            if not entry then
              return
            end
            if action.stays then
              action.run(entry.value, function(now)
                tracks = entries.replaced(tracks, entry.value.track_id, now)
                if vim.api.nvim_buf_is_valid(prompt_buffer) then
                  local picker = state.get_current_picker(prompt_buffer)
                  picker:refresh(finder(tracks, entries.track_row), { reset_prompt = false })
                end
              end)
            else
              require("telescope.actions").close(prompt_buffer)
              action.run(entry.value, function() end)
            end
          end
          if action.key then
            map({ "i", "n" }, action.key, run, { desc = action.words })
          else
            require("telescope.actions").select_default:replace(run)
          end
        end
        return true
      end,
    })
    :find()
end

---@param prompts lofi.picker.Prompt[]
---@param options? table of telescope
function M.prompts(prompts, options)
  options = options or {}
  require("telescope.pickers")
    .new(options, {
      prompt_title = "lofi prompts",
      finder = finder(prompts, entries.prompt_row),
      sorter = require("telescope.config").values.generic_sorter(options),
      previewer = previewer(function(entry)
        return entry.track
      end),
      attach_mappings = function(prompt_buffer)
        require("telescope.actions").select_default:replace(function()
          local entry = require("telescope.actions.state").get_selected_entry()
          require("telescope.actions").close(prompt_buffer)
          if entry then
            actions.generate(entry.value)
          end
        end)
        return true
      end,
    })
    :find()
end

return M
