-- Refreshes sign-ins: each answer's refresh token is the next request's, so that every token is used once.
-- Arguments: path, form without the token, file with one refresh token a line (more than there are connections).
local path, form, tokens, first, last = "/", "", {}, 1, 0

function init(args)
  path, form = args[1], args[2]
  for line in io.lines(args[3]) do
    last = last + 1
    tokens[last] = line
  end
  wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
  local token = tokens[first] or "used-up"
  tokens[first] = nil
  first = first + 1
  return wrk.format("POST", path, nil, form .. token)
end

function response(status, headers, body)
  local token = string.match(body, '"refresh_token" ?: ?"([^"]+)"')
  if status == 200 and token then
    last = last + 1
    tokens[last] = token
  end
end
