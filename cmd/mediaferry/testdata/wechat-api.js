// Drives wechat-api, unmodified: node wechat-api.js BASE_URL NAME KEY DIR REVOKE_URL.
// Prints one line for each call: what it gave, or the code of its error.
'use strict';
const crypto = require('crypto');
const path = require('path');
const util = require('util');
const WechatAPI = require('wechat-api');

const [base, name, key, dir, revoke] = process.argv.slice(2);
const file = (f) => path.join(dir, f);

// client keeps its token as programs with several processes do: outside, where a token that is retired is there once only.
// The library asks anew for a token, and fetches one if there is none.
function client(secret, token) {
  let kept = token;
  const load = (done) => {
    const t = kept;
    if (t && t.accessToken === 'retired') kept = undefined;
    done(null, t);
  };
  const api = new WechatAPI(name, secret, load, (t, done) => { kept = t; done(null); });
  api.endpoint = base;
  return (method, ...args) => util.promisify(api[method].bind(api))(...args);
}

async function attempt(what, call) {
  try {
    console.log(what, await call());
  } catch (err) {
    console.log(what, err.code || err.name);
  }
}

const media = (r) => r.type + ' ' + Object.keys(r).filter((k) => /media_id$/.test(k) && r[k]).join();

async function main() {
  const call = client(key, { accessToken: 'retired', expireTime: Date.now() + 3600000 });
  let picture, video;
  await attempt('image', async () => media(picture = await call('uploadMedia', file('shot.png'), 'image')));
  await attempt('voice', async () => media(await call('uploadMedia', file('tone.amr'), 'voice')));
  await attempt('video', async () => media(video = await call('uploadMedia', file('clip.mp4'), 'video')));
  await attempt('thumb', async () => media(await call('uploadMedia', file('photo.jpg'), 'thumb')));
  await attempt('download', async () => crypto.createHash('sha256').update(await call('getMedia', picture.media_id)).digest('hex'));
  await attempt('video_url', async () => typeof (await call('getMedia', video.media_id)).video_url);
  await attempt('sent', async () => (await call('sendImage', 'openid', picture.media_id)).errmsg);
  await fetch(revoke, { method: 'POST', body: '{}' });
  await attempt("sent after the account's token was retired", async () => (await call('sendImage', 'openid', picture.media_id)).errmsg);
  await attempt('wrong type', () => call('uploadMedia', file('photo.jpg'), 'video'));
  await attempt('no such media', () => call('getMedia', 'none'));
  await attempt('not granted', () => call('getMenu'));
  await attempt('wrong secret', () => client('wrong-key-0123456789')('getMenu'));
}

main();
