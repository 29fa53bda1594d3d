-- Health of a WorkTeam: whether people can be asked. The operator writes no status for a team
-- that it cannot read; the LabelingJobs that use it are then stalled and say why.

local status = obj.status or {}
if (status.observedGeneration or -1) < (obj.metadata.generation or 0) then
  return {status = "Progressing", message = "The operator has not seen this spec yet."}
end
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    if condition.status == "True" then
      return {status = "Healthy", message = condition.message}
    end
    if condition.status == "False" then
      return {status = "Degraded", message = condition.reason .. ": " .. condition.message}
    end
  end
end
return {status = "Progressing", message = "The operator has not said anything yet."}
