-- Sends GET requests to one path, each with the next of the header lines of a file, and counts nothing itself.
-- Arguments: path, header name, file with one value a line, X-Request-ID.
local requests, count, at = {}, 0, 0

function init(args)
  local path, name, file, id = args[1], args[2], args[3], args[4]
  for value in io.lines(file) do
    local headers = { ["X-Request-ID"] = id }
    if name ~= "-" then headers[name] = value end
    count = count + 1
    requests[count] = wrk.format("GET", path, headers)
  end
end

function request()
  at = at % count + 1
  return requests[at]
end
