package io.github.b24offline

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class EndpointTest {
    @Test
    fun `addresses that would leak are refused`() {
        assertThrows<EndpointException.PlainHttp> { Endpoint.parse("http://portal.example/rest/") }
        assertThrows<EndpointException.Userinfo> { Endpoint.parse("https://u:p@portal.example/rest/") }
        assertThrows<EndpointException.Userinfo> { Endpoint.parse("ftp://u:p@portal.example/rest/") }
        assertThrows<EndpointException.Query> { Endpoint.parse("https://portal.example/rest/?auth=x") }
        assertThrows<EndpointException.Query> { Endpoint.parse("https://portal.example/rest/#x") }
        assertThrows<EndpointException.Scheme> { Endpoint.parse("ftp://portal.example/rest/") }
        assertThrows<EndpointException.NotAnAddress> { Endpoint.parse("portal.example/rest/") }
        assertThrows<EndpointException.NotAnAddress> { Endpoint.parse("https://portal.example:99999/rest/") }
        assertThrows<EndpointException.NoPath> { Endpoint.parse("https://portal.example") }
        val error = assertThrows<EndpointException.NotLoopback> { Endpoint.parse("http://portal.example/rest/", true) }
        assertEquals(
            "the endpoint is plain http to portal.example, and --allow-http is for addresses of this machine only " +
                "(localhost, 127.0.0.1, [::1]); use https",
            error.message,
        )
    }

    @Test
    fun `webhooks are told from portals`() {
        for (path in listOf("rest/1/abc123/", "rest/1/abc123", "rest/1/abc/crm.deal.list")) {
            assertThrows<EndpointException.Webhook> { Endpoint.parse("https://portal.example/$path") }
        }
        assertEquals("https://portal.example/rest/", Endpoint.parse("https://Portal.Example/rest").url.toString())
        Endpoint.parse("https://portal.example/intern/rest")
    }

    @Test
    fun `no refusal repeats a secret`() {
        for (text in listOf(
            "https://user:canary-1@portal.example/rest/",
            "https://portal.example/rest/1/canary-1/",
            "https://portal.example/rest/?auth=canary-1",
            "http://portal.example/rest/1/canary-1/",
            "https://portal.example:canary-1/rest/",
            "canary-1",
        )) {
            assertFalse("canary-1" in "${assertThrows<EndpointException> { Endpoint.parse(text) }}", text)
        }
    }

    @Test
    fun `the portal is named by host and odd port`() {
        val portal = { text: String -> Endpoint.parse(text, allowHttp = true).portal }
        assertEquals("portal.example", portal("https://Portal.Example:443/rest/"))
        assertEquals("127.0.0.1:8080", portal("http://127.0.0.1:8080/rest"))
        assertEquals("[::1]:8080", portal("http://[::1]:8080/rest"))
        assertEquals("localhost:8080", portal("http://LOCALHOST:8080/rest"))
    }
}
