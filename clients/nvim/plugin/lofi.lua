if vim.g.loaded_lofi then
  return
end
vim.g.loaded_lofi = true

if vim.fn.has("nvim-0.10") == 0 then
  vim.notify("lofi: Neovim 0.10 or newer is needed", vim.log.levels.ERROR)
  return
end

vim.api.nvim_create_user_command("Lofi", function(call)
  require("lofi.command").run(call)
end, {
  nargs = "*",
  bang = true,
  range = true,
  complete = function(lead, line, position)
    return require("lofi.command").complete(lead, line, position)
  end,
  desc = "Make and play music: :Lofi rainy night, slow piano 20",
})

local function map(mode, name, command, description)
  vim.keymap.set(
    mode,
    ("<Plug>(lofi-%s)"):format(name),
    command,
    { silent = true, desc = "lofi: " .. description }
  )
end

map(
  "n",
  "generate",
  "<Cmd>lua require('lofi.commands.generate').ask_for_prompt()<CR>",
  "ask for a prompt and make it"
)
map("x", "generate", ":Lofi generate<CR>", "make a track of the selection")
map("n", "again", "<Cmd>Lofi! generate<CR>", "make the last prompt with a new seed")
map("n", "cancel", "<Cmd>Lofi cancel<CR>", "cancel a track")
map("n", "favourite", "<Cmd>Lofi fav<CR>", "make what plays a favourite")
map("n", "tracks", "<Cmd>Lofi tracks<CR>", "choose a track")
map("n", "play-pause", "<Cmd>Lofi toggle<CR>", "play, or pause")
map(
  "n",
  "radio",
  "<Cmd>lua require('lofi.commands.radio').toggle()<CR>",
  "music that does not end, or its end"
)
map("n", "previous", "<Cmd>Lofi previous<CR>", "go back to the beginning, or to the track before")
map("n", "next", "<Cmd>Lofi next<CR>", "play the next track")
map("n", "stop", "<Cmd>Lofi stop<CR>", "stop playing")
map("n", "forward", "<Cmd>Lofi seek +10<CR>", "10 seconds forward")
map("n", "back", "<Cmd>Lofi seek -10<CR>", "10 seconds back")
map("n", "volume-up", "<Cmd>Lofi volume +5<CR>", "louder")
map("n", "volume-down", "<Cmd>Lofi volume -5<CR>", "quieter")
