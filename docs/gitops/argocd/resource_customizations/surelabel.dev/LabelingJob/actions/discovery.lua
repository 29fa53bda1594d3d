-- Which of suspend and resume a LabelingJob offers: neither once it has ended, since an end is final.

local actions = {}
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  if condition.type == "Succeeded" and condition.status ~= "Unknown" then
    return actions
  end
end
if obj.spec.suspend then
  actions["resume"] = {iconClass = "fa fa-fw fa-play"}
else
  actions["suspend"] = {iconClass = "fa fa-fw fa-pause"}
end
return actions
