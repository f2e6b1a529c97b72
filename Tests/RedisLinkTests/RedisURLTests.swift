import RedisLink
import Testing

@Suite("RedisURL")
struct RedisURLTests {
    @Test(
        arguments: [
            ("redis://h", "h:6379", nil, nil, 0, false),
            ("REDIS://h", "h:6379", nil, nil, 0, false),
            ("redis://h:1/2", "h:1", nil, nil, 2, false),
            ("redis://h/", "h:6379", nil, nil, 0, false),
            ("redis://h/2147483647", "h:6379", nil, nil, 2_147_483_647, false),
            ("redis://h?db=3", "h:6379", nil, nil, 3, false),
            ("redis://:secret@h", "h:6379", nil, "secret", 0, false),
            ("redis://:s:e@c@h", "h:6379", nil, "s:e@c", 0, false),
            ("redis://ann:p%40%2F%C3%BC@h:65535", "h:65535", "ann", "p@/ü", 0, false),
            ("redis://a%3Ab:x@h", "h:6379", "a:b", "x", 0, false),
            ("redis://ann:@h", "h:6379", "ann", "", 0, false),
            ("redis://:@h", "h:6379", nil, nil, 0, false),
            ("redis://[::1]", "[::1]:6379", nil, nil, 0, false),
            ("rediss://[fe80::1%eth0]:7/1", "[fe80::1%eth0]:7", nil, nil, 1, true),
            ("unix:///run/redis.sock", "unix:/run/redis.sock", nil, nil, 0, false),
            ("unix:///run/a%20b@c?db=4", "unix:/run/a b@c", nil, nil, 4, false),
            ("unix://:secret@/run/r", "unix:/run/r", nil, "secret", 0, false),
            ("redis+sentinel://h1:26379,h2/main", "h1:26379,h2:26379/main", nil, nil, 0, false),
            ("rediss+sentinel://u:p@h1/ma%2Fin/5", "h1:26379/ma/in", "u", "p", 5, true),
            ("redis+cluster://h1,[::2]:7001", "h1:6379,[::2]:7001", nil, nil, 0, false),
            ("redis-cluster://h1/0", "h1:6379", nil, nil, 0, false),
        ] as [(String, String, String?, String?, Int, Bool)])
    func `a valid URL gives address, login and database`(
        text: String, address: String, user: String?, password: String?, database: Int, tls: Bool
    ) throws {
        let url = try RedisURL(text)
        #expect(url.displayAddress == address)
        #expect(url.user == user)
        #expect(url.password == password)
        #expect(url.database == database)
        #expect(url.isTLS == tls)
    }

    @Test func `topologies are told apart`() throws {
        #expect(try RedisURL("unix:///s").topology == .single(.unix(path: "/s")))
        #expect(
            try RedisURL("redis+sentinel://a,b:1/m").topology
                == .sentinel(
                    [.tcp(host: "a", port: 26379), .tcp(host: "b", port: 1)], master: "m"))
        #expect(
            try RedisURL("redis+cluster://[::1]").topology
                == .cluster([.tcp(host: "::1", port: 6379)]))
    }

    static let portReason = "port must be 1 to 65535"
    static let databaseReason = "database must be a whole number from 0 to 2147483647"
    static let schemeReason = "scheme must be redis, rediss, unix, redis+sentinel or redis+cluster"

    @Test(
        arguments: [
            ("", "it is empty"),
            ("h:6379", "scheme is missing; write redis://host:port"),
            ("http://h", schemeReason),
            ("redis://h:0", portReason),
            ("redis://h:99999", portReason),
            ("redis://h:", portReason),
            ("redis://h:99999999999999999999999", portReason),
            ("redis://h:-1", portReason),
            ("redis://[::1]6379", portReason),
            ("redis://h/-1", databaseReason),
            ("redis://h/x", databaseReason),
            ("redis://h/2147483648", databaseReason),
            ("redis://h/0/", databaseReason),
            ("redis://h?db=", databaseReason),
            ("redis://h/1?db=1", "the database is given twice"),
            ("redis://h?db=1&db=1", "the database is given twice"),
            ("redis://", "host is missing"),
            ("redis:///0", "host is missing"),
            ("redis://a,b", "several hosts need redis+sentinel:// or redis+cluster://"),
            ("redis://h h", "a space or control character in it must be a percent code"),
            ("redis://h\n", "a space or control character in it must be a percent code"),
            ("redis://hé", "host is not valid"),
            ("redis://[::1", "']' is missing after the IPv6 address"),
            ("redis://[g::1]", "the IPv6 address is not valid"),
            ("unix://", "the socket's path is missing"),
            ("unix://h/run/r", "a socket has no host: unix:///path"),
            ("unix:///a%00", "bad percent code in the path"),
            ("unix:///a%FF", "the path is not UTF-8"),
            ("redis+sentinel://h", "the master's name is missing"),
            ("redis+cluster://h/1", "Redis Cluster has only database 0"),
            ("redis+cluster://a,,b", "host is missing"),
        ])
    func `a bad URL says what is wrong`(text: String, reason: String) {
        let error = #expect(throws: RedisURLError.self) { try RedisURL(text) }
        #expect(error?.reason == reason)
        #expect(error.map { "\($0)" }?.hasPrefix("redis URL '") == true)
    }

    @Test func `the error quotes the URL`() {
        let error = #expect(throws: RedisURLError.self) { try RedisURL("redis://h:99999") }
        #expect(error?.description == "redis URL 'redis://h:99999': port must be 1 to 65535")
    }

    @Test(
        arguments: [
            "redis://bob:hunter2@h", "redis://:hunter2@h/3", "unix://:hunter2@/run/r",
            "redis+sentinel://bob:hunter2@h/m", "redis+cluster://bob:hunter2@h",
        ])
    func `no rendering of a URL shows its password`(text: String) throws {
        let url = try RedisURL(text)
        var dumped = ""
        dump(url, to: &dumped)
        dump([Optional(url)], to: &dumped)
        let all = [
            "\(url)", String(describing: url), String(reflecting: url), url.displayAddress,
            String(reflecting: Optional(url)), dumped,
        ]
        for rendering in all { #expect(!rendering.contains("hunter")) }
        #expect(url.description.contains(":***@"))
        #expect(text.contains("bob") == url.description.contains("bob"))
    }

    @Test(
        arguments: [
            "redis://bob:hunter2@h:0", "redis://:hun/ter2@h", "redis://:hunter#2@h",
            "redis://:hunter?2@h", "redis://hunter2@h", "redis://bob:hunter2", "bob:hunter2@h",
            "http://bob:hunter2@h", "redis://:hunter2%zz@h", "redis://h?password=hunter2",
            "redis://h?password=hunter2@x", "redis://h#hunter2", "unix://:hunter/2@/run/r",
            "redis://:hun\nhunter@h", "redis:/:hunter2@h", "redis://h?db=hunter2hunter2hunter2",
        ])
    func `no error shows a password`(text: String) {
        let error = #expect(throws: RedisURLError.self) { try RedisURL(text) }
        #expect(error.map { String(reflecting: $0) + "\($0)" }?.contains("hunt") == false)
        #expect(error?.description.contains("hun/ter") == false)
    }
}
