--- Choosing a model; one that is not there is downloaded, after a yes to its licence and size.
local words = require("lofi.words")

local M = {}

---@param model table of models_list
---@return string
function M.row(model)
  local parts = { model.name, model.selected and "in use" or model.state }
  local bytes = model.bytes or model.about_bytes
  if bytes then
    table.insert(parts, (model.bytes and "" or "about ") .. words.size(bytes))
  end
  table.insert(parts, model.license)
  return table.concat(parts, " · ")
end

---@param offer table details of DOWNLOAD_CONSENT_REQUIRED
---@return string
function M.question(offer)
  local bytes = offer.bytes_total or offer.about_bytes
  local parts = { ("Download %s"):format(offer.model) }
  if bytes then
    table.insert(parts, (offer.bytes_total and "" or "about ") .. words.size(bytes))
  end
  table.insert(parts, ("licence %s"):format(offer.license))
  return table.concat(parts, ", ") .. "?"
end

---@param err lofi.Error
local function tell(err)
  require("lofi.notify").error(err)
end

---Ask the user, and install after a yes.
---@param err lofi.Error DOWNLOAD_CONSENT_REQUIRED
---@param installed fun() called when the model is there
function M.offer(err, installed)
  local offer = vim.json.decode(err.details, { luanil = { object = true, array = true } })
  local choices = { "Yes, download it", "No" }
  vim.ui.select(choices, { prompt = M.question(offer), kind = "lofi_consent" }, function(_, index)
    if index == 1 then
      M.install({ model = offer.source or offer.model, consent = true }, installed)
    end
  end)
end

---@param params {model: string, consent: boolean?}
---@param installed fun() called when the model is there
function M.install(params, installed)
  local lofi = require("lofi")
  lofi.download_model(params, function(err, result)
    if err and err.name == "DOWNLOAD_CONSENT_REQUIRED" then
      M.offer(err, installed)
    elseif err then
      tell(err)
    elseif result.state == "installed" then
      installed()
    else
      local no_more_models, no_more_ends
      local function unsubscribe()
        no_more_models()
        no_more_ends()
      end
      no_more_ends = lofi.on("disconnected", unsubscribe)
      no_more_models = lofi.on("model", function(data)
        if data.model ~= result.model then
          return
        end
        if data.state == "installed" then
          installed()
        elseif data.state ~= "install_failed" and data.state ~= "cancelled" then
          return
        end
        unsubscribe()
      end)
    end
  end)
end

---Use this model from now on; download it before, if it is not there.
---@param model table of models_list
local function use(model)
  local function select()
    require("lofi").select_model(model.name, function(err, result)
      if err then
        tell(err)
      else
        require("lofi.notify").say(("tracks are made with %s from now on"):format(result.model))
      end
    end)
  end
  if model.state == "available" or model.state == "partial" then
    M.install({ model = model.source or model.name }, select)
  else
    select()
  end
end

---@param name string? without one the user chooses
function M.choose(name)
  require("lofi").models(function(err, result)
    if err then
      tell(err)
      return
    end
    if name == nil then
      local options = { prompt = "lofi models", kind = "lofi_model", format_item = M.row }
      vim.ui.select(result.models, options, function(model)
        if model then
          use(model)
        end
      end)
      return
    end
    for _, model in ipairs(result.models) do
      if model.name == name then
        use(model)
        return
      end
    end
    M.install({ model = name }, function()
      require("lofi.notify").say(("%s is installed"):format(name))
    end)
  end)
end

return M
