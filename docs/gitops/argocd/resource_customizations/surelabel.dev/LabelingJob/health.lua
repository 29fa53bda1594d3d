-- Health of a LabelingJob by its conditions: the end, then what only a person can mend, then
-- suspension. All else goes on by itself and is Progressing, outages that are retried included.

local function say(status, condition)
  local message = condition.reason
  if condition.message ~= nil and condition.message ~= "" then
    message = message .. ": " .. condition.message
  end
  return {status = status, message = message}
end

local status = obj.status or {}
local found = {}
for _, condition in ipairs(status.conditions or {}) do
  found[condition.type] = condition
end

local function is(name, value)
  return found[name] ~= nil and found[name].status == value
end

-- An end is final, whatever happens to the spec after it.
if is("Succeeded", "True") then
  return say("Healthy", found.Succeeded)
end
if is("Succeeded", "False") then
  return say("Degraded", found.Succeeded)
end

-- All conditions below are about the spec that was observed, and Git may have mended it since.
if (status.observedGeneration or -1) < (obj.metadata.generation or 0) then
  return {status = "Progressing", message = "The operator has not seen this spec yet."}
end
if is("Stalled", "True") then
  return say("Degraded", found.Stalled)
end
if is("Suspended", "True") then
  return say("Suspended", found.Suspended)
end
-- Unless Ready has something worse to say.
if is("Suspended", "Unknown") and found.Ready ~= nil and found.Ready.reason == "Suspended" then
  return say("Progressing", found.Suspended)
end
if is("Queued", "True") and is("Ready", "True") then
  return say("Progressing", found.Queued)
end
if found.Ready ~= nil then
  return say("Progressing", found.Ready)
end
return {status = "Progressing", message = "The operator has not said anything yet."}
