-- vim-plug: `Plug` is a command of two arguments; `rtp` is a folder in the plugin's own.
vim.cmd([[
  function! AddPlug(folder, options) abort
    let &runtimepath = expand(a:folder) .. '/' .. a:options.rtp .. ',' .. &runtimepath
  endfunction
  command! -nargs=+ Plug call AddPlug(<args>)
]])
vim.cmd(block)
