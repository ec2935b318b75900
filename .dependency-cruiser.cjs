// Layers: arrows only downwards, siblings never import siblings, no cycles (docs/architecture.md §5).
const LAYERS = [
  ["cli"],
  ["daemon"],
  ["server"],
  ["config"],
  ["pipeline"],
  ["sources", "engines", "tasks", "trackers", "rules", "outputs", "use-cases", "models", "events", "clips"],
  ["webrtc"],
  ["protocols"],
  ["media", "drawing"],
  ["runtime"],
  ["contracts"],
  ["domain"],
];

const upwards = LAYERS.flatMap((layer, depth) => {
  const above = LAYERS.slice(0, depth).flat();
  return above.length === 0
    ? []
    : [{
        name: `${layer.join("-")}-imports-upwards`,
        severity: "error",
        from: { path: `^src/(${layer.join("|")})/`, pathNot: "\\.(test|contract)\\.ts$" },
        to: { path: `^src/(${above.join("|")})/` },
      }];
});

/** Kinds of a family never import one another. */
const FAMILIES = ["sources", "engines", "tasks", "trackers", "rules", "outputs"];
const siblings = FAMILIES.map((family) => ({
  name: `${family}-import-siblings`,
  severity: "error",
  from: { path: `^src/${family}/([^/]+)/`, pathNot: "\\.(test|contract)\\.ts$" },
  to: { path: `^src/${family}/([^/]+)/`, pathNot: `^src/${family}/$1/` },
}));
const families = FAMILIES.map((family) => ({
  name: `${family}-import-other-families`,
  severity: "error",
  from: { path: `^src/${family}/`, pathNot: "\\.(test|contract)\\.ts$" },
  to: { path: `^src/(${FAMILIES.filter((other) => other !== family).join("|")})/` },
}));

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "only-media-imports-node-av", severity: "error", from: { path: "^src/", pathNot: "^src/media/" }, to: { path: "node_modules/node-av/" } },
    { name: "only-webrtc-imports-werift", severity: "error", from: { path: "^src/", pathNot: "^src/webrtc/|\\.test\\.ts$" }, to: { path: "node_modules/werift/" } },
    { name: "domain-imports-nothing", severity: "error", from: { path: "^src/domain/", pathNot: "\\.test\\.ts$" }, to: { pathNot: "^src/domain/" } },
    ...upwards,
    ...siblings,
    ...families,
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { conditionNames: ["import", "node", "default"], extensions: [".ts", ".js", ".json"] },
  },
};
