import { XMLParser } from "fast-xml-parser";

/** One element of a document, without namespace prefixes. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Its own text, trimmed, entities resolved; without that of its children. */
  readonly text: string;
}

/** The text is not a document that is read here. */
export class XmlError extends Error {
  override readonly name = "XmlError";
}

/** An answer of a device is a few kilobytes, the tree of a large recorder a few hundred. */
const MAX_CHARACTERS = 8 * 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_ELEMENTS = 200_000;

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // Entities are resolved below, the predefined ones only: no document can define its own and expand it without end.
  processEntities: false,
  maxNestedTags: MAX_DEPTH,
});

/**
 * Reads a document of a device nobody trusts: no document types (SOAP forbids them: SOAP 1.2 part 1 §5), no entities but the
 * predefined ones and character references, bounded size, depth and number of elements. Throws {@link XmlError}.
 */
export function parseXml(text: string): XmlElement {
  if (text.length > MAX_CHARACTERS) {
    throw new XmlError(`a document of ${String(text.length)} characters, at most ${String(MAX_CHARACTERS)} are read`);
  }
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) {
    throw new XmlError("a document type declaration, which is refused");
  }
  const budget = { elements: MAX_ELEMENTS };
  let root: XmlElement | undefined;
  try {
    root = readNodes(parser.parse(text), budget).children[0];
  } catch (error) {
    throw error instanceof XmlError ? error : new XmlError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  if (root === undefined) {
    throw new XmlError(text.trim() === "" ? "nothing" : "no XML element");
  }
  return root;
}

/** The parser's ordered form: `[{ name: [...], ":@": { attribute: "value" } }, { "#text": "…" }]`. */
function readNodes(nodes: unknown, budget: { elements: number }): Pick<XmlElement, "children" | "text"> {
  const children: XmlElement[] = [];
  let text = "";
  for (const node of Array.isArray(nodes) ? (nodes as unknown[]) : []) {
    for (const [name, value] of Object.entries(node as Record<string, unknown>)) {
      if (name === "#text") {
        text += decodeEntities(String(value));
      } else if (name !== ":@") {
        if (--budget.elements < 0) {
          throw new XmlError(`more than ${String(MAX_ELEMENTS)} elements`);
        }
        children.push({ name, attributes: readAttributes(node), ...readNodes(value, budget) });
      }
    }
  }
  return { children, text: text.trim() };
}

function readAttributes(node: unknown): ReadonlyMap<string, string> {
  const attributes = (node as Record<string, unknown>)[":@"];
  return new Map(Object.entries((attributes ?? {}) as Record<string, unknown>).map(([name, value]) => [name, decodeEntities(String(value))]));
}

const PREDEFINED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|lt|gt|quot|apos));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) {
      return PREDEFINED[name.toLowerCase()] ?? whole;
    }
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole;
  });
}

/** A text as it may stand in an element or attribute. Characters that XML cannot carry at all are left out. */
export function escapeXml(text: string): string {
  return text
    // XML 1.0 §2.2.
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}

/** The children of that name, in order. */
export function childrenOf(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

/** The first element at a path of child names. */
export function at(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((here, name) => here?.children.find((child) => child.name === name), element);
}

/** Text at a path; undefined when the element is missing or empty. */
export function textAt(element: XmlElement | undefined, ...path: readonly string[]): string | undefined {
  const text = at(element, ...path)?.text;
  return text === "" ? undefined : text;
}

/** Every element of that name, however deep, in document order. */
export function descendants(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.flatMap((child) => [...(child.name === name ? [child] : []), ...descendants(child, name)]) ?? [];
}
