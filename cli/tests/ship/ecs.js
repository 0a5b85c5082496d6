// Reads lines, and prints what is wrong with each by the fields of the Elastic Common Schema. Fields of our own stand
// under `panic`, those of the user under `labels`.
const { EcsFlat, EcsVersion } = require(process.argv[2] + "/node_modules/@elastic/ecs");
const numbers = ["long", "float", "integer", "scaled_float", "double", "unsigned_long"];

function check(name, value) {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) => check(name ? `${name}.${key}` : key, inner));
  }
  if (name.startsWith("panic.") || name.startsWith("labels.")) return [];
  const field = EcsFlat[name];
  if (!field) return [`${name} is no field`];
  const type = numbers.includes(field.type) ? "number" : field.type === "boolean" ? "boolean" : "string";
  const wrong = typeof value === type ? [] : [`${name} is no ${type}`];
  const allowed = (field.allowed_values ?? []).map((word) => word.name);
  if (allowed.length > 0 && !allowed.includes(value)) wrong.push(`${name} may not be ${value}`);
  if (type === "number" && field.type !== "float" && !Number.isInteger(value)) wrong.push(`${name} is not whole`);
  return wrong;
}

const lines = require("fs").readFileSync(0, "utf8").split("\n").filter((line) => line);
for (const line of lines) {
  const record = JSON.parse(line);
  const wrong = check("", record);
  for (const name of ["@timestamp", "ecs.version"]) {
    if (name.split(".").reduce((at, key) => at?.[key], record) === undefined) wrong.push(`${name} is missing`);
  }
  if (record.ecs?.version !== EcsVersion) wrong.push(`version ${record.ecs?.version} is not ${EcsVersion}`);
  console.log(JSON.stringify({ id: record.panic?.id ?? null, event: record.event?.action, wrong }));
}
