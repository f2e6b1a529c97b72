import RedisLink

/// Returns foreign text fit for one line of a log or an error: escaped and cut.
///
/// The one rule of both libraries, `RedisLink.printable`, within reach of those who may not
/// import RedisLink.
package func printable(_ text: some StringProtocol, limit: Int = 80) -> String {
    RedisLink.printable(text, limit: limit)
}
