-- lazy.nvim: a plugin's folder on the runtimepath, its plugin files sourced.
local spec = assert(loadstring("return " .. block))()
vim.opt.rtp:prepend(vim.fn.expand(spec.dir))
