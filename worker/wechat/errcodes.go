package wechat

import "github.com/mediaferry/mediaferry/tasks"

// table has the known errcodes of WeChat. A new errcode is a row here. Its texts say what to do.
var table = [...]Row{
	// Temporary: tried again with growing pauses.
	{APIUpload, -1, tasks.Temporary, "WeChat is busy", "系统繁忙", "nothing: it is tried again", "无需处理，会自动重试"},
	{APIUpload, -1000, tasks.Temporary, "WeChat had an internal error", "微信内部错误", "nothing: it is tried again", "无需处理，会自动重试"},
	{APIUpload, 45033, tasks.Temporary, "too many calls at the same moment", "接口并发调用超过限制", "lower the account's concurrency if it comes often", "若频繁出现，请降低该账号的并发数"},

	// Token: a new one is fetched and the call is made again at once.
	{APIUpload, 40001, tasks.TokenRefused, "the access token is invalid or has been replaced by a newer one", "access_token 无效，或已被更新的 access_token 取代", "if it comes often, look for another process that fetches tokens for this account", "若频繁出现，请检查是否有其他程序在为该账号获取 access_token"},
	{APIUpload, 40014, tasks.TokenRefused, "the access token is not valid", "不合法的 access_token", "if it comes often, check that the token is one of this account and of this server", "若频繁出现，请确认 access_token 属于该账号与该服务器"},
	{APIUpload, 42001, tasks.TokenRefused, "the access token has expired", "access_token 已过期", "nothing: a new one is fetched; if it comes often, check this machine's clock", "无需处理，会自动获取新的；若频繁出现，请检查本机时钟"},
	{APIUpload, 41001, tasks.TokenRefused, "the access token is missing", "缺少 access_token 参数", "check what the token URL or command returns", "请检查外部 token 服务或命令返回的内容"},

	// Limits: the account is held until they reset.
	{APIUpload, 45011, tasks.MinuteLimit, "the account's calls of this minute are used up", "接口调用过于频繁，已达到每分钟上限", "nothing: it goes on in the next minute; set rate_per_minute below the limit to avoid it", "无需处理，下一分钟自动继续；可将 rate_per_minute 设为低于上限的值"},
	{APIUpload, 45009, tasks.DailyLimit, "the account's calls of today are used up", "接口调用次数已达到当日上限", "wait for midnight in the account's reset_zone (Asia/Shanghai unless set), or clear the quota (clear_quota, 10 times a month)", "等待北京时间零点重置，或调用 clear_quota 清零（每月 10 次）"},

	// File: WeChat refuses this file for good.
	{APIUpload, 40004, tasks.Rejected, "the media type is not valid", "不合法的媒体文件类型", "submit the file as image, voice, video or thumb, whichever it is", "请按文件实际类型以 image、voice、video 或 thumb 提交"},
	{APIUpload, 40005, tasks.Rejected, "the kind of file is not taken as this type", "不合法的文件类型", "convert it: PNG, JPEG or GIF as image, AMR or MP3 as voice, MP4 as video, JPEG as thumb", "请转换格式：图片 PNG/JPEG/GIF，语音 AMR/MP3，视频 MP4，缩略图 JPEG"},
	{APIUpload, 40006, tasks.Rejected, "the size of the file is not valid", "不合法的文件大小", "make the file smaller, and not empty", "请缩小文件，且文件不能为空"},
	{APIUpload, 40009, tasks.Rejected, "the image is too large", "不合法的图片大小", "make the image smaller: 10 MB at most", "请缩小图片：最大 10 MB"},
	{APIUpload, 40010, tasks.Rejected, "the voice is too large", "不合法的语音大小", "make the recording smaller: 2 MB at most", "请缩小语音：最大 2 MB"},
	{APIUpload, 40011, tasks.Rejected, "the video is too large", "不合法的视频大小", "make the video smaller: 10 MB at most", "请缩小视频：最大 10 MB"},
	{APIUpload, 40012, tasks.Rejected, "the thumbnail is too large", "不合法的缩略图大小", "make the thumbnail smaller: 64 KB at most", "请缩小缩略图：最大 64 KB"},
	{APIUpload, 40033, tasks.Rejected, "the request holds characters that are not valid", "不合法的请求字符", "rename or convert the file, then retry; report it if it comes again", "请重命名或转换文件后重试；若再次出现请反馈"},
	{APIUpload, 40035, tasks.Rejected, "a parameter is not valid", "不合法的参数", "check the media type and the file; report it if both are right", "请检查媒体类型与文件；若均正确请反馈"},
	{APIUpload, 40038, tasks.Rejected, "the form of the request is not valid", "不合法的请求格式", "check the media type and the file; report it if both are right", "请检查媒体类型与文件；若均正确请反馈"},
	{APIUpload, 40097, tasks.Rejected, "the arguments are not valid", "参数错误", "check the media type and the file; report it if both are right", "请检查媒体类型与文件；若均正确请反馈"},
	{APIUpload, 40113, tasks.Rejected, "the file's type is not supported", "不支持的文件类型", "convert it to a kind that WeChat takes", "请转换为微信支持的格式"},
	{APIUpload, 40137, tasks.Rejected, "the image's format is not supported", "不支持的图片格式", "convert it to JPEG or PNG", "请转换为 JPEG 或 PNG"},
	{APIUpload, 44001, tasks.Rejected, "the file is empty", "多媒体文件为空", "write the file before it is submitted", "请在提交前写入文件内容"},
	{APIUpload, 45001, tasks.Rejected, "the file is over the size limit", "多媒体文件大小超过限制", "make the file smaller", "请缩小文件"},
	{APIUpload, 45002, tasks.Rejected, "the content is over the size limit", "消息内容超过限制", "make the file smaller", "请缩小文件"},
	{APIUpload, 45007, tasks.Rejected, "the recording is too long", "语音播放时间超过限制", "cut the recording: 60 s at most", "请截短语音：最长 60 秒"},
	{APIUpload, 47001, tasks.Rejected, "WeChat can't read the data", "解析数据内容错误", "export the file again, then retry", "请重新导出文件后重试"},
	{APIUpload, 87014, tasks.Rejected, "the content was found to break WeChat's rules", "内容含有违法违规内容", "use another file", "请更换文件"},

	// Our form: a defect of this program.
	{APIUpload, 412, tasks.Defect, "the request came without a Content-Length", "请求缺少 Content-Length", "look for a proxy that re-chunks requests; otherwise report it", "请检查是否有代理改写了请求；否则请反馈"},
	{APIUpload, 41005, tasks.Defect, "the form holds no media", "缺少多媒体文件数据", "look for a proxy that changes requests; otherwise report it", "请检查是否有代理改写了请求；否则请反馈"},
	{APIUpload, 43001, tasks.Defect, "a GET request was wanted", "需要 GET 请求", "look for a proxy that changes requests; otherwise report it", "请检查是否有代理改写了请求；否则请反馈"},
	{APIUpload, 43002, tasks.Defect, "a POST request was wanted", "需要 POST 请求", "look for a proxy that changes requests; otherwise report it", "请检查是否有代理改写了请求；否则请反馈"},
	{APIUpload, 43003, tasks.Defect, "HTTPS was wanted", "需要 HTTPS 请求", "use an https base URL", "请使用 https 的接口地址"},
	{APIUpload, 44002, tasks.Defect, "the request came without a body", "POST 的数据包为空", "look for a proxy that drops request bodies; otherwise report it", "请检查是否有代理丢弃了请求体；否则请反馈"},

	// Account: held until an operator has mended it.
	{APIUpload, 40002, tasks.AccountHeld, "the grant type is not valid", "不合法的凭证类型", "report it: the token call is not as WeChat wants it", "请反馈：获取凭证的请求不符合要求"},
	{APIUpload, 40013, tasks.AccountHeld, "the appid is not valid", "不合法的 AppID", "check the account's appid, capitals included", "请检查 AppID，注意大小写"},
	{APIUpload, 40125, tasks.AccountHeld, "the appsecret is not valid", "无效的 AppSecret", "set the account's current appsecret (WeChat Developer Platform, My business, Basic information): it may have been reset", "请设置当前的 AppSecret（微信开发者平台 → 我的业务 → 基础信息），它可能已被重置"},
	{APIUpload, 40164, tasks.Egress, "this machine's IP address is not on the account's white list", "调用接口的 IP 地址不在白名单中", "add the address in the message to the IP white list (WeChat Developer Platform, My business, Basic information), or use the egress proxy", "请在微信开发者平台 → 我的业务 → 基础信息 中，将提示里的 IP 加入 IP 白名单，或使用出口代理"},
	{APIUpload, 40243, tasks.AccountHeld, "the appsecret is frozen", "AppSecret 已被冻结", "unfreeze the appsecret (WeChat Developer Platform, My business, Basic information); it takes 10 minutes", "请在微信开发者平台 → 我的业务 → 基础信息 中解冻 AppSecret，约 10 分钟后生效"},
	{APIUpload, 41002, tasks.AccountHeld, "the appid is missing", "缺少 appid 参数", "set the account's appid", "请设置账号的 AppID"},
	{APIUpload, 41004, tasks.AccountHeld, "the appsecret is missing", "缺少 secret 参数", "set the account's appsecret (WeChat Developer Platform, My business, Basic information)", "请设置账号的 AppSecret（微信开发者平台 → 我的业务 → 基础信息）"},
	{APIUpload, 42007, tasks.AccountHeld, "the account's authorization ended when its password changed", "用户修改密码，授权已失效", "have the account's owner authorize again", "请账号所有者重新授权"},
	{APIUpload, 48001, tasks.AccountHeld, "the account has no right to this API", "接口未授权", "check in WeChat's console that the account is verified and has this API", "请确认账号已认证，并拥有该接口的权限"},
	{APIUpload, 48004, tasks.AccountHeld, "this API is blocked for the account", "接口被封禁", "see the notices in WeChat's console", "请登录公众号后台查看通知"},
	{APIUpload, 50001, tasks.AccountHeld, "the account has not been granted this API", "用户未授权该接口", "grant the API to the account or to the third-party platform", "请为账号或第三方平台授予该接口权限"},
	{APIUpload, 50002, tasks.AccountHeld, "the account is restricted", "用户受限，可能因违规被封禁接口", "see the notices in WeChat's console", "请登录公众号后台查看通知"},
	{APIUpload, 61003, tasks.AccountHeld, "the account has not authorized the third-party platform", "账号未授权给第三方平台", "have the account's owner authorize the platform", "请账号所有者授权该第三方平台"},
	{APIUpload, 61004, tasks.Egress, "this machine's IP address is not on the account's or the platform's white list", "调用接口的 IP 不在白名单中", "add the address in the message to the IP white list of the account (WeChat Developer Platform, My business, Basic information), or of the third-party platform that calls for it, or use the egress proxy", "请将提示里的 IP 加入 IP 白名单（公众号、服务号：微信开发者平台 → 我的业务 → 基础信息；第三方平台：其开发资料），或使用出口代理"},
	{APIUpload, 61007, tasks.AccountHeld, "the API is not authorized to the third-party platform", "接口未授权给第三方平台", "have the account's owner authorize again with this right", "请账号所有者重新授权并勾选该权限"},
	{APIUpload, 61016, tasks.AccountHeld, "the third-party platform has not acknowledged the authorization", "第三方平台未确认授权", "confirm the authorization in the platform", "请在第三方平台确认授权"},
	{APIUpload, 45035, tasks.AccountHeld, "this client is not registered", "访问客户端未注册", "register this machine's IP address (WeChat Developer Platform, My business, Basic information)", "请在微信开发者平台 → 我的业务 → 基础信息 中登记本机 IP"},
	{APIUpload, 89501, tasks.AccountHeld, "this IP address waits for the confirmation of the account's administrator", "此 IP 正在等待管理员确认", "have the administrator confirm the address on the phone", "请管理员在手机上确认该 IP"},
	{APIUpload, 89503, tasks.AccountHeld, "this IP address needs the confirmation of the account's administrator", "此 IP 调用需要管理员确认", "have the administrator confirm the address on the phone", "请管理员在手机上确认该 IP"},
	{APIUpload, 89506, tasks.AccountHeld, "the administrator refused this IP address twice; it may ask again in 24 hours", "该 IP 在 24 小时内被管理员拒绝了两次，24 小时内不能再使用", "ask the administrator, or use another address", "请联系管理员，或更换 IP"},
	{APIUpload, 89507, tasks.AccountHeld, "the administrator refused this IP address; it may ask again in an hour", "该 IP 被管理员拒绝，1 小时内不能再使用", "ask the administrator, or use another address", "请联系管理员，或更换 IP"},

	// The same errcode, from another call.
	{APIToken, 40001, tasks.AccountHeld, "the appsecret is wrong, or is another account's", "AppSecret 错误，或不属于该公众号", "set the account's current appsecret (WeChat Developer Platform, My business, Basic information): it may have been reset", "请设置当前的 AppSecret（微信开发者平台 → 我的业务 → 基础信息），它可能已被重置"},
	{APIToken, 45009, tasks.DailyLimit, "the account's token calls of today are used up", "获取凭证的调用次数已达到当日上限", "find what else fetches tokens for this account; use stable_token", "请检查还有哪些程序在获取凭证；建议使用 stable_token"},
	{APIToken, 45011, tasks.MinuteLimit, "the account's token calls of this minute are used up", "获取凭证过于频繁，已达到每分钟上限", "find what else fetches tokens for this account", "请检查还有哪些程序在获取凭证"},
	{APIGet, 40007, tasks.NotFound, "there is no such media, or it has expired", "不合法的媒体文件 id，或已过期", "upload the file again", "请重新上传文件"},
}
