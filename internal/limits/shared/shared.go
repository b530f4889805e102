// Package shared counts the limits of several servers together, in Redis or Valkey: one script for each
// request looks at all of its buckets and takes of them, by the clock of the Redis server. It implements
// limits.Counter; the arithmetic is that of package limits.
//
// A bucket is a hash with what was taken (used), when that was right (at) and when it was last full (whole), in
// microseconds of Redis' clock. It expires when it is full.
package shared

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/parley-ai/parley/internal/limits"
)

// Redis is a limits.Counter. Make it with Open and Close it.
type Redis struct{ client *redis.Client }

// Open returns a counter in the Redis of a URL, redis://USER:PASSWORD@HOST:PORT/DB, rediss:// or unix://. It does
// not connect yet.
func Open(url string) (*Redis, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("redis.url: %w", err)
	}
	o.MaxRetries = -1 // the limiter decides what becomes of a request
	o.ContextTimeoutEnabled = true
	return &Redis{redis.NewClient(o)}, nil
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }

// refill brings a bucket to now; both scripts begin with it. Numbers travel as texts of 17 digits, which lose
// nothing: Redis would cut them to integers.
const refill = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function look(key, limit, period)
	local h = redis.call('HMGET', key, 'used', 'at', 'whole')
	local used, at, whole = tonumber(h[1] or 0), tonumber(h[2] or now), tonumber(h[3] or 0)
	if now > at then used = used - limit * (now - at) / period end
	if used <= 0.000001 then used = 0; whole = now end
	return used, whole
end
local function text(n) return string.format('%.17g', n) end
local function keep(key, limit, period, used, whole)
	redis.call('HSET', key, 'used', text(used), 'at', text(now), 'whole', text(whole))
	redis.call('PEXPIRE', key, math.ceil(used / limit * period / 1000) + 60000)
end
`

var take = redis.NewScript(refill + `
local used, whole, refused = {}, {}, 0
for i, key in ipairs(KEYS) do
	local limit, period, cost = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1])
	used[i], whole[i] = look(key, limit, period)
	if cost ~= 0 and used[i] + cost > limit + 0.000001 then refused = 1 end
end
local reply = {text(now)}
for i, key in ipairs(KEYS) do
	local limit, period, cost = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1])
	local after = used[i]
	if refused == 0 then
		after = after + cost
	elseif ARGV[4*i] == '1' then
		after = math.max(after, math.min(limit, after + 1))
	end
	keep(key, limit, period, after, whole[i])
	reply[i+1] = text(used[i])
end
return reply
`)

var correct = redis.NewScript(refill + `
local taken = tonumber(ARGV[#ARGV])
for i, key in ipairs(KEYS) do
	local limit, period, more = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1])
	local used, whole = look(key, limit, period)
	if more > 0 or whole <= taken then used = math.max(0, used + more) end
	keep(key, limit, period, used, whole)
end
`)

func arguments(buckets []limits.Taking) (keys []string, args []any) {
	for _, b := range buckets {
		drains := "0"
		if b.Drains {
			drains = "1"
		}
		keys = append(keys, b.Key)
		args = append(args, number(b.Limit), number(float64(b.Period/time.Microsecond)), number(b.Cost), drains)
	}
	return keys, args
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', 17, 64) }

// Take implements limits.Counter.
func (r *Redis) Take(ctx context.Context, buckets []limits.Taking) (limits.Taken, error) {
	keys, args := arguments(buckets)
	reply, err := take.Run(ctx, r.client, keys, args...).Slice()
	if err != nil {
		return limits.Taken{}, err
	}
	if len(reply) != len(buckets)+1 {
		return limits.Taken{}, fmt.Errorf("shared: a reply of %d values for %d buckets", len(reply), len(buckets))
	}
	taken := limits.Taken{Used: make([]float64, len(buckets))}
	for i, v := range reply {
		text, _ := v.(string)
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return limits.Taken{}, fmt.Errorf("shared: a reply of %v", v)
		}
		if i == 0 {
			taken.At = int64(n)
		} else {
			taken.Used[i-1] = n
		}
	}
	return taken, nil
}

// Correct implements limits.Counter.
func (r *Redis) Correct(ctx context.Context, buckets []limits.Taking, at int64) error {
	keys, args := arguments(buckets)
	err := correct.Run(ctx, r.client, keys, append(args, strconv.FormatInt(at, 10))...).Err()
	if errors.Is(err, redis.Nil) { // the script returns nothing
		return nil
	}
	return err
}

// Ping reports whether the Redis answers.
func (r *Redis) Ping(ctx context.Context) error { return r.client.Ping(ctx).Err() }
