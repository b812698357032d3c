// Checks an OpenAPI document, and answers against it: node validate.mjs DOCUMENT ANSWERS.
// DOCUMENT is the JSON document, ANSWERS has one line of JSON for each answer: operation, status, type, body.
// Prints one line for each fault, and nothing where there is none.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.env.NODE_PATH + '/');
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { Validator } = await load('@seriousme/openapi-schema-validator');
const Ajv = require('ajv/dist/2020').default;
const formats = require('ajv-formats').default;

const [documentPath, answersPath] = process.argv.slice(2);
const text = readFileSync(documentPath, 'utf8');
const doc = JSON.parse(text);
const fault = (...words) => console.log(...words);

const judged = await new Validator().validate(JSON.parse(text));
if (!judged.valid) fault('the document:', JSON.stringify(judged.errors));
if (!/^3\.1\./.test(doc.openapi)) fault('the document is OpenAPI', doc.openapi);

const operations = {};
for (const methods of Object.values(doc.paths)) {
  for (const op of Object.values(methods)) operations[op.operationId] = op;
}
const ajv = new Ajv({ strict: false, allErrors: true });
formats(ajv);
ajv.addSchema(doc, 'doc');

for (const [name, schema] of Object.entries(doc.components.schemas)) {
  for (const example of schema.examples || []) {
    const check = ajv.getSchema(`doc#/components/schemas/${name}`);
    if (!check(example)) fault('the example of', name, JSON.stringify(check.errors));
  }
}

for (const line of readFileSync(answersPath, 'utf8').trim().split('\n')) {
  const { operation, status, type, body } = JSON.parse(line);
  const where = `${operation} ${status}:`;
  const responses = operations[operation].responses;
  const response = responses[status] || responses.default;
  const kind = type.split(';')[0];
  if (!body) {
    if (response.content) fault(where, 'has no body');
    continue;
  }
  const content = (response.content || {})[kind];
  if (!content) {
    fault(where, kind, 'is not described');
    continue;
  }
  if (!/json$/.test(kind) || kind === 'application/x-ndjson') continue;
  const pointer = (content.schema.$ref || '').replace(/^#/, 'doc#');
  const check = pointer ? ajv.getSchema(pointer) : ajv.compile(content.schema);
  if (!check(JSON.parse(body))) fault(where, JSON.stringify(check.errors), body);
}
