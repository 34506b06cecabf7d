local double = require("telescope.double")

local Picker = {}
Picker.__index = Picker

function Picker:find()
  double.picker, double.selected = self, 1
  double.buffer = vim.api.nvim_create_buf(false, true)
  double.prompt = vim.api.nvim_create_buf(false, true)
  assert(self.attach_mappings(double.prompt, function(modes, key, run)
    assert(vim.deep_equal(modes, { "i", "n" }))
    self.keys[key] = run
  end))
end

function Picker:refresh(finder, options)
  assert(options.reset_prompt == false)
  self.finder = finder
end

return {
  new = function(_, spec)
    assert(spec.finder and spec.sorter and spec.previewer and spec.prompt_title)
    spec.keys = {}
    return setmetatable(spec, Picker)
  end,
}
