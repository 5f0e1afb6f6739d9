-- Sixteen requests in one write, then sixteen responses: HTTP/1.1 pipelining (RFC 9112, section 9.3.2).
-- wrk takes no part in building them after init, so its own CPU time stays out of the way.
local depth = 16

init = function(args)
  local requests = {}
  for i = 1, depth do
    requests[i] = wrk.format("GET")
  end
  pipeline = table.concat(requests)
end

request = function()
  return pipeline
end
