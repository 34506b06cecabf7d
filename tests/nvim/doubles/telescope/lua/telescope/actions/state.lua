local double = require("telescope.double")

return {
  get_selected_entry = function()
    return double.entries()[double.selected]
  end,
  get_current_picker = function(prompt)
    assert(prompt == double.prompt)
    return double.picker
  end,
}
