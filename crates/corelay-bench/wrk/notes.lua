-- Load for the notes of examples/postgres.rs: `wrk … -s notes.lua URL -- KIND RUN`, with one thread.
-- KIND read: one note of the first thousand. KIND mixed: of ten requests eight read one, one lists twenty, one makes one.
-- RUN is a number that no other run on this database has: titles are unique.

local notes = 1000
local reads, kind, run, asked = {}, nil, nil, 0

function init(arguments)
  kind, run = arguments[1], arguments[2]
  math.randomseed(tonumber(run))
  for id = 1, notes do
    reads[id] = wrk.format("GET", "/notes/" .. id)
  end
end

function request()
  asked = asked + 1
  local turn = asked % 10
  if kind == "read" or turn > 1 then
    return reads[math.random(notes)]
  elseif turn == 1 then
    return wrk.format("GET", "/notes?limit=20&after=" .. math.random(notes))
  end
  local body = string.format('{"title":"Note %s of run %s","text":"Made by wrk."}', asked, run)
  return wrk.format("POST", "/notes", { ["Content-Type"] = "application/json" }, body)
end
