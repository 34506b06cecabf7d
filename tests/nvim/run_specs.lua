-- Run by `nvim --clean -l run_specs.lua PLUGIN SPECS`: Debian's busted inside the editor.
local plugin, specs = arg[1], arg[2]
package.path = "/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua;" .. package.path
package.cpath = "/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;/usr/lib/aarch64-linux-gnu/lua/5.1/?.so;"
  .. package.cpath
vim.opt.runtimepath:prepend(plugin)
_G.arg = { [0] = "busted", "--output=plainTerminal", "--pattern=_spec", specs }
require("busted.runner")({ standalone = false })
