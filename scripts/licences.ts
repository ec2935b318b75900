// Writes docs/licences.md: every package that comes with Vedette, and under which licence. With --check, fails where the
// page is not up to date, or where a licence is one that nobody has agreed to.
import { readFileSync, writeFileSync } from "node:fs";

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly link?: boolean;
}

const PAGE = "docs/licences.md";
/** Licences that a program under Apache-2.0 may bring along as separate packages. */
const AGREED = /^\(?(?:MIT|MIT-0|ISC|Apache-2\.0|BSD-2-Clause|BSD-3-Clause|MPL-2\.0|0BSD|BlueOak-1\.0\.0|CC0-1\.0|Unlicense|Python-2\.0|Zlib|Bitstream-Vera|LGPL-2\.1(?:-or-later|\+)?|LGPL-3\.0(?:-or-later)?)(?: (?:OR|AND) [\w.-]+)*\)?$/;
/** Looked at by hand. */
const READ: Readonly<Record<string, string>> = {
  // Its package.json says nothing, its LICENSE file is the three clauses of BSD.
  "@shinyoshiaki/jspack": "BSD-3-Clause",
  // Bitstream Vera's terms, and public domain: free to bring along.
  "dejavu-fonts-ttf": "Bitstream-Vera",
  // Copyleft for its own files only, which are unchanged.
  mediabunny: "MPL-2.0",
};

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, Locked> };
const shipped = Object.entries(packages)
  .filter(([path, { dev, link }]) => path !== "" && dev !== true && link !== true)
  .map(([path, { version = "", license, optional }]) => ({ name: path.replace(/^.*node_modules\//, ""), version, license: READ[path.replace(/^.*node_modules\//, "")] ?? license ?? licenceOf(path), isOptional: optional === true }))
  .sort((a, b) => (a.name + a.version < b.name + b.version ? -1 : 1));

const rows = [...new Set(shipped.map(({ name, version, license, isOptional }) => `| ${name} | ${version} | ${license}${isOptional ? " (only where its platform is)" : ""} |`))];
const text = ["# Licences", "", "<!-- written by scripts/licences.ts -->", "", "What is installed with Vedette. FFmpeg comes within node-av: see THIRD_PARTY_NOTICES.md.", "", "| Package | Version | Licence |", "|---|---|---|", ...rows, ""].join("\n");

const doubtful = shipped.filter(({ license }) => !AGREED.test(license));
doubtful.forEach(({ name, version, license }) => console.error(`${name} ${version}: ${license}`));
if (process.argv.includes("--check")) {
  const isCurrent = readFileSync(PAGE, "utf8") === text;
  if (!isCurrent) {
    console.error(`${PAGE} is not up to date: run node scripts/licences.ts`);
  }
  process.exitCode = isCurrent && doubtful.length === 0 ? 0 : 1;
} else {
  writeFileSync(PAGE, text);
}

/** What the lock file does not say, the installed package may. */
function licenceOf(path: string): string {
  try {
    const { license } = JSON.parse(readFileSync(`${path}/package.json`, "utf8")) as { license?: string };
    return license ?? "not stated";
  } catch {
    // A package for another platform.
    return "not stated";
  }
}
