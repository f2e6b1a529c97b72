// RedisLink is no product of its own: whoever catches a `RedisError` or reads a `RedisURL`
// of this library sees it through this module.
@_exported public import RedisLink
