// swift-tools-version: 6.2
import PackageDescription

// What every Swift target is compiled with.
let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "JobRunner",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "JobRunner", targets: ["JobRunner"]),
        .library(name: "JobRunnerCLI", targets: ["JobRunnerCLI"]),
        .library(name: "JobRunnerTesting", targets: ["JobRunnerTesting"]),
        .executable(name: "jobrunner", targets: ["JobRunnerTool"]),
    ],
    targets: [
        // No pkgConfig: Debian's hiredis.pc carries a -D flag that SwiftPM warns about.
        .systemLibrary(
            name: "CHiredis", providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
        .systemLibrary(
            name: "COpenSSL", providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
        // Header only: what of the C library Swift's own modules leave out.
        .systemLibrary(name: "CSystem"),
        // Header only: posix_spawn, pidfd and wait for program handlers.
        .systemLibrary(name: "CSpawn"),
        .target(
            name: "RedisLink", dependencies: ["CHiredis", "COpenSSL", "CSystem"],
            swiftSettings: settings),
        .target(
            name: "JobRunner", dependencies: ["CSpawn", "RedisLink"],
            resources: [.embedInCode("Store/Scripts")], swiftSettings: settings),
        .target(name: "JobRunnerCLI", dependencies: ["JobRunner"], swiftSettings: settings),
        .executableTarget(
            name: "JobRunnerTool", dependencies: ["JobRunnerCLI"], swiftSettings: settings),
        .target(name: "JobRunnerTesting", dependencies: ["JobRunner"], swiftSettings: settings),
        .testTarget(
            name: "RedisLinkTests", dependencies: ["RedisLink", "JobRunnerTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "JobRunnerTests", dependencies: ["JobRunner", "JobRunnerTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "JobRunnerCLITests", dependencies: ["JobRunnerCLI", "JobRunnerTesting"],
            swiftSettings: settings),
        // What the fault tests kill, freeze and cut off.
        .executableTarget(
            name: "FaultWorker", dependencies: ["JobRunnerCLI"], path: "Tests/Faults/Worker",
            swiftSettings: settings),
        // Replays inputs; with -sanitize=fuzzer and -DFUZZING a fuzzer (Scripts/fuzz).
        .executableTarget(
            name: "FuzzReplay", dependencies: ["JobRunner", "RedisLink"], path: "Tests/Faults/Fuzz",
            exclude: ["corpus"], swiftSettings: settings),
        .testTarget(name: "TidyTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
