// A program that knows the service only by its OpenAPI document: ./schema was generated from it, and the compiler holds
// every path, parameter, body and answer below to it. It prints what went wrong, and nothing where all is well.
import createClient from 'openapi-fetch';
import type { components, paths } from './schema';

type Outcome = components['schemas']['Outcome'];
type Problem = components['schemas']['Problem'];

const [baseUrl, key] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

function expect(what: string, got: unknown, want: unknown): void {
  if (JSON.stringify(got) !== JSON.stringify(want)) console.log(what, 'is', JSON.stringify(got), 'and should be', JSON.stringify(want));
}

function must<T>(what: string, answer: { data?: T; error?: Problem; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${what}: ${answer.response.status} ${answer.error?.detail}`);
  return answer.data;
}

async function main(): Promise<void> {
  const receipt = must('submit', await client.POST('/v1/uploads', { body: { external_id: 'ts-1', type: 'image', source: 'good.jpg', metadata: { order: '7' } } }));
  expect('created', receipt.created, true);

  const failing = must('submit', await client.POST('/v1/uploads', { body: { type: 'image', source: 'bad.jpg' } }));
  const batch = must('batch', await client.POST('/v1/batches', {
    params: { header: { 'Idempotency-Key': 'ts-batch' } },
    body: [{ type: 'image', source: 'good.jpg' }, { type: 'voice', source: 'good.mp3' }, { type: 'image', source: '../bad' }],
  }));
  expect('accepted', [batch.accepted, batch.refused, batch.first_refusals[0]?.line, batch.first_refusals[0]?.code], [2, 1, 3, 'denied']);

  expect('outcome', await settled(receipt.id).then((o) => [o.state, o.media_id, o.metadata]), ['succeeded', 'M-good.jpg', { order: '7' }]);
  expect('failure', await settled(failing.id).then((o) => [o.state, o.code, o.round, o.history?.length]), ['failed', 'corrupt', 1, 1]);

  const seen: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = must('list', await client.GET('/v1/uploads', { params: { query: cursor ? { limit: 2, cursor } : { limit: 2 } } }));
    seen.push(...page.uploads.map((o: Outcome) => o.id));
    cursor = page.next;
    if (!cursor) break;
  }
  expect('listed', [seen.length, new Set(seen).size], [4, 4]);
  const failed = must('list', await client.GET('/v1/uploads', { params: { query: { state: ['failed'] } } }));
  expect('failed', failed.uploads.map((o) => o.id), [failing.id]);

  must('retry', await client.POST('/v1/uploads/{id}/retry', { params: { path: { id: failing.id } }, body: {} }));
  expect('second round', await settled(failing.id).then((o) => o.round), 2);
  const parked = must('submit', await client.POST('/v1/uploads', { body: { type: 'image', source: 'parked.jpg', account: 'parked' } }));
  const canceled = must('cancel', await client.POST('/v1/uploads/{id}/cancel', { params: { path: { id: parked.id } } }));
  expect('canceled', canceled.state, 'canceled');

  const gone = await client.GET('/v1/uploads/{id}', { params: { path: { id: '00000000-0000-7000-8000-000000000000' } } });
  const problem: Problem | undefined = gone.error;
  expect('problem', [gone.response.status, gone.response.headers.get('Content-Type'), problem?.status, problem?.code, problem?.request_id],
    [404, 'application/problem+json', 404, 'not_found', gone.response.headers.get('X-Request-Id')]);
  // @ts-expect-error: the document says which types there are
  const wrong = await client.POST('/v1/uploads', { body: { type: 'gif', source: 'a' } });
  expect('wrong type', [wrong.response.status, wrong.error?.errors?.[0]?.location], [422, 'body.type']);
}

async function settled(id: string): Promise<Outcome> {
  for (;;) {
    const o = must('outcome', await client.GET('/v1/uploads/{id}', { params: { path: { id } } }));
    if (o.state === 'succeeded' || o.state === 'failed' || o.state === 'canceled') return o;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

main().catch((e: unknown) => console.log(e));
