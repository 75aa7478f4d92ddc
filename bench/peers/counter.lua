-- The play counter in nginx' shared dictionary. The same requests and answers as
-- mod_playcount's text form, except that a listing has no order: the dictionary
-- keeps none.
local M = {}
local counts = ngx.shared.counts

local function answer(text)
    ngx.header["Cache-Control"] = "no-store"
    ngx.header["Content-Length"] = #text
    ngx.print(text)
end

function M.song()
    local song = string.sub(ngx.var.uri, 7)
    local method = ngx.var.request_method
    if method == "GET" then
        return answer(tostring(counts:get(song) or 0))
    end
    if method == "POST" then
        local by = tonumber(ngx.var.arg_by) or 1
        local count, problem = counts:incr(song, by, 0)
        if not count then
            ngx.log(ngx.ERR, problem)
            return ngx.exit(507)
        end
        return answer(string.format("%.0f", count))
    end
    ngx.exit(405)
end

function M.batch()
    if ngx.var.request_method ~= "POST" then
        return ngx.exit(405)
    end
    ngx.req.read_body()
    local answers, n = {}, 0
    for song, by in string.gmatch(ngx.req.get_body_data() or "", "([^=,\n]+)=(%d+)") do
        local count = counts:incr(song, tonumber(by), 0)
        n = n + 1
        answers[n] = song .. "=" .. string.format("%.0f", count or -1)
    end
    answer(table.concat(answers, ","))
end

function M.listing()
    local songs = counts:get_keys(0)
    for i = 1, #songs do
        songs[i] = songs[i] .. "=" .. string.format("%.0f", counts:get(songs[i]) or 0)
    end
    answer(table.concat(songs, ","))
end

return M
