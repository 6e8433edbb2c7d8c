"""Chromium, as tests drive it.

`with Browser(url) as browser:` opens none of the pages; `browser.open("#/alerts")` does.
"""

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from stack import wait_for

SWITCHES = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-gpu",
            "--disable-background-networking", "--force-prefers-reduced-motion")
WIDE, NARROW = (1440, 1000), (390, 844)
STATES = """return [...document.querySelectorAll('.panel')].map((panel) => [panel.querySelector('h3').textContent,
    panel.dataset.state, panel.querySelector('.panel-error').textContent])"""


class Browser:
    """url: of the service. driver: Selenium's."""

    def __init__(self, url, key=None):
        self.url, self.key = url, key
        options = webdriver.ChromeOptions()
        for switch in SWITCHES:
            options.add_argument(switch)
        options.binary_location = "/usr/bin/chromium"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(60)

    def __enter__(self):
        try:
            self.size(*WIDE)
            self.prefer("dark")
            self.forget()
        except BaseException:
            self.driver.quit()
            raise
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def size(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    def prefer(self, theme):
        """What the system says about dark and light."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": theme}]})

    def forget(self):
        """A new visitor, who has the key if there is one."""
        self.driver.get(f"{self.url}/ops/runbook.md")
        self.run("sessionStorage.clear(); localStorage.clear()")
        if self.key:
            self.run("sessionStorage.setItem('terse-admin-key', arguments[0])", self.key)
        self.complaints()

    def run(self, script, *args):
        return self.driver.execute_script(script, *args)

    def open(self, route):
        """Opens the page there and waits until all that is in sight has been answered."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/ops/{route}")
        self.settle()

    def settle(self):
        """The view is there, and no panel in sight waits."""
        wait_for(lambda: self.run("return document.getElementById('view').dataset.ready === location.hash"), 20, 0.1)
        wait_for(lambda: not self.run(
            "return [...document.querySelectorAll('.panel[data-state=loading]')].some((panel) => {"
            "const box = panel.getBoundingClientRect(); return box.top < innerHeight && box.bottom > 0 && box.height > 0 })"), 20, 0.1)

    def whole(self):
        """As high as the page is, so that each panel is in sight."""
        for _ in range(2):
            height = self.run("return document.documentElement.scrollHeight")
            self.size(self.run("return innerWidth"), max(height, 400))
            self.settle()

    def panels(self):
        """(title, state, what is wrong) of each panel."""
        return [tuple(one) for one in self.run(STATES)]

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css="#view"):
        return self.run("return document.querySelector(arguments[0]).textContent", css)

    def complaints(self):
        """What the console has said since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
