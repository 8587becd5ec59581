// JSON schemas of tools.

/** Arguments of the kinds that a schema asks for. */
export function example(schema) {
  const empty = { string: "", integer: 0, number: 0, boolean: false, array: [], object: {} };
  const { properties = {}, required = [] } = schema?.parameters ?? {};
  return Object.fromEntries(required.filter((name) => name in properties).map((name) => [name, empty[properties[name].type] ?? null]));
}
