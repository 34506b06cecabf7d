std = "luajit"
max_line_length = 110
local settable = { read_only = false, other_fields = true }
read_globals = {
  "MiniNotify",
  "Snacks",
  vim = {
    other_fields = true,
    fields = { g = settable, b = settable, bo = settable, wo = settable, o = settable, ui = settable },
  },
}
self = false
-- Tests stand in for the editor and for other plugins.
files["**/*_spec.lua"] = { std = "+busted", globals = { "vim" } }
files["**/doubles"] = { globals = { "vim", "MiniNotify", "Snacks" } }
