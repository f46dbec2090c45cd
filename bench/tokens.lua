-- Posts each form of a file once, from line `first` on. When they are used up it goes on with the last, which is refused and counted.
-- Arguments: path, file, first.
local forms, at, path = {}, 0, "/"

function init(args)
  path = args[1]
  local first, number = tonumber(args[3]), 0
  for line in io.lines(args[2]) do
    number = number + 1
    if number >= first then forms[#forms + 1] = line end
  end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
  if at < #forms then at = at + 1 end
  return wrk.format("POST", path, nil, forms[at])
end
