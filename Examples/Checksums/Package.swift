// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "Checksums",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "JobRunner", path: "../.."),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        .executableTarget(
            name: "checksums",
            dependencies: [
                .product(name: "JobRunner", package: "JobRunner"),
                .product(name: "JobRunnerCLI", package: "JobRunner"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            path: "Sources/Checksums")
    ],
    swiftLanguageModes: [.v6]
)
