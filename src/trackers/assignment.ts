/** A pair that may be matched, and what matching it costs (≥ 0). */
export interface Candidate {
  readonly row: number;
  readonly column: number;
  readonly cost: number;
}

interface Row {
  price: number;
  column: Column | undefined;
  readonly edges: { readonly column: Column; readonly candidate: Candidate | undefined; readonly cost: number }[];
}

interface Column {
  price: number;
  row: Row | undefined;
  // The state of one search:
  distance: number;
  from: Row | undefined;
  isClosed: boolean;
}

/**
 * The cheapest one-to-one matching of rows and columns, where leaving a row unmatched costs `unmatchedCost`: a pair that
 * costs more is never chosen. Shortest augmenting paths over sparse candidates (Jonker and Volgenant, "A shortest
 * augmenting path algorithm for dense and sparse linear assignment problems", 1987; in the form of Crouse 2016): every
 * row owns a private column of that cost, so a matching always exists and nothing needs a "very large number".
 * Returns the chosen candidates by rising row.
 */
export function assign(candidates: readonly Candidate[], unmatchedCost: number): readonly Candidate[] {
  const rows = new Map<number, Row>();
  const columns = new Map<number, Column>();
  for (const candidate of candidates) {
    if (candidate.cost <= unmatchedCost) {
      const row = getOrMake(rows, candidate.row, () => newRow(unmatchedCost));
      const column = getOrMake(columns, candidate.column, newColumn);
      row.edges.push({ column, candidate, cost: candidate.cost });
    }
  }
  const ordered = [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
  for (const row of ordered) {
    augment(row);
  }
  return ordered.flatMap((row) => row.edges.find((edge) => edge.column === row.column)?.candidate ?? []);
}

/** Finds the cheapest way to give `start` a column, moving other rows to other columns where that pays. */
function augment(start: Row): void {
  const reached: Column[] = [];
  const passed: Row[] = [];
  let row = start;
  let length = 0;
  let end: Column;
  while (true) {
    passed.push(row);
    relax(row, length, reached);
    end = nearest(reached);
    end.isClosed = true;
    length = end.distance;
    if (end.row === undefined) {
      break;
    }
    row = end.row;
  }
  for (const each of passed) {
    each.price += each === start ? length : length - (each.column?.distance ?? length);
  }
  for (const column of reached) {
    if (column.isClosed) {
      column.price -= length - column.distance;
    }
  }
  flip(start, end);
  for (const column of reached) {
    column.distance = Infinity;
    column.from = undefined;
    column.isClosed = false;
  }
}

function relax(row: Row, length: number, reached: Column[]): void {
  for (const { column, cost } of row.edges) {
    if (!column.isClosed) {
      const distance = length + cost - row.price - column.price;
      if (distance < column.distance) {
        if (column.distance === Infinity) {
          reached.push(column);
        }
        column.distance = distance;
        column.from = row;
      }
    }
  }
}

function nearest(reached: readonly Column[]): Column {
  let best: Column | undefined;
  for (const column of reached) {
    if (!column.isClosed && (best === undefined || column.distance < best.distance)) {
      best = column;
    }
  }
  if (best === undefined) {
    throw new Error("every row reaches at least its private column");
  }
  return best;
}

/** Walks the path back from its free column and moves every row on it one column on. */
function flip(start: Row, end: Column): void {
  let column: Column | undefined = end;
  while (column?.from !== undefined) {
    const row: Row = column.from;
    const previous: Column | undefined = row.column;
    row.column = column;
    column.row = row;
    column = row === start ? undefined : previous;
  }
}

function newRow(unmatchedCost: number): Row {
  return { price: 0, column: undefined, edges: [{ column: newColumn(), candidate: undefined, cost: unmatchedCost }] };
}

function newColumn(): Column {
  return { price: 0, row: undefined, distance: Infinity, from: undefined, isClosed: false };
}

function getOrMake<Value>(map: Map<number, Value>, key: number, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) {
    return found;
  }
  const made = make();
  map.set(key, made);
  return made;
}
