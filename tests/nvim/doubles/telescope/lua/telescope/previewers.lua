return {
  new_buffer_previewer = function(options)
    assert(options.define_preview)
    return options
  end,
}
