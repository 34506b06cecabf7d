--- As much of telescope.nvim as is used, driven by `telescope.double`.

return {
  register_extension = function(extension)
    return extension
  end,
}
