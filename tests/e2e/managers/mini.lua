-- mini.deps: a clone of the source among the packages, loaded at once.
_G.MiniDeps = {
  add = function(spec)
    local packages = vim.fn.stdpath("data") .. "/site/pack/deps/opt"
    vim.fn.mkdir(packages, "p")
    vim.uv.fs_symlink(spec.source, packages .. "/" .. spec.name)
    vim.cmd.packadd(spec.name)
  end,
}
assert(loadstring(block))()
