return {
  new_table = function(options)
    assert(options.results and options.entry_maker)
    return options
  end,
}
